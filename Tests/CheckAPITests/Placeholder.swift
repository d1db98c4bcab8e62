// CheckAPI
