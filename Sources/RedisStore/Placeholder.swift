import CHiredis
import COpenSSL
