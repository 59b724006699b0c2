"""Whether a store of the product is whole: store.py STORE [--no-leftovers].

Every blob has the digest that is its name; all that `index.json` names is there with its size, and
so is what manifests name; nothing was found damaged. With `--no-leftovers` there are no temporary
files either. Prints what is wrong, and then fails.
"""

import hashlib
import json
import os
import sys


def digest(path):
    value = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            value.update(block)
    return value.hexdigest()


def main(store, *options):
    wrong = []
    blobs = os.path.join(store, "blobs", "sha256")
    names = os.listdir(blobs) if os.path.isdir(blobs) else []
    for name in names:
        if digest(os.path.join(blobs, name)) != name:
            wrong.append(f"blob {name} is another")

    def follow(descriptor, by):
        path = os.path.join(store, "blobs", descriptor["digest"].replace(":", "/"))
        if not os.path.exists(path):
            wrong.append(f"{by}: {descriptor['digest']} is not there")
            return
        if os.path.getsize(path) != descriptor["size"]:
            wrong.append(f"{by}: {descriptor['digest']} has another size")
        if ".manifest" not in descriptor["mediaType"] and ".index" not in descriptor["mediaType"]:
            return
        with open(path, "rb") as file:
            document = json.load(file)
        parts = document.get("manifests", []) + document.get("layers", [])
        for part in parts + ([document["config"]] if "config" in document else []):
            # Layers that are elsewhere need not be here.
            if not part.get("urls"):
                follow(part, descriptor["digest"])

    index = os.path.join(store, "index.json")
    entries = []
    if os.path.exists(index):
        with open(index, "rb") as file:
            entries = json.load(file)["manifests"]
    for entry in entries:
        follow(entry, "index.json")
    damaged = os.path.join(store, "crossdock", "damaged")
    for folder, _, files in os.walk(damaged):
        wrong += [f"damaged: {os.path.join(folder, name)}" for name in files]
    if "--no-leftovers" in options:
        temporary = os.path.join(store, "crossdock", "tmp")
        for folder, _, files in os.walk(temporary):
            wrong += [f"left over: {os.path.join(folder, name)}" for name in files]
    print(f"{len(names)} blobs, {len(entries)} names")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
