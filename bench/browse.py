#!/usr/bin/env python3
"""Looking into images: a listing of 100,000 files and one file of 1 GB, beside other ways to the same answer.

The images are OCI layouts on disk and everything is read once before it is measured. What other
tools do is what their users do: tar reads the layer's blob, umoci unpacks the image.
"""

import argparse
import io
import json
import shutil
import statistics
import sys
import tarfile
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import bases  # noqa: E402 - after the line above
import bench  # noqa: E402
import measure  # noqa: E402

FOLDERS = 2000
FILES = 50


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crossdock", type=Path, help="the program [default: built by cargo]")
    parser.add_argument("--runs", type=int, default=5, help="of what is cheap [%(default)s]")
    return parser.parse_args()


def many_files(folder):
    """An image of one layer with 100,000 small files, made once."""
    if not (folder / "index.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            layer = Path(scratch) / "layer.tar"
            with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as archive:
                for place in range(FOLDERS):
                    entry = tarfile.TarInfo(f"srv/folder-{place:04}")
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(entry)
                    for number in range(FILES):
                        content = f"{place} {number}\n".encode()
                        entry = tarfile.TarInfo(f"srv/folder-{place:04}/file-{number:02}.txt")
                        entry.size = len(content)
                        archive.addfile(entry, io.BytesIO(content))
            bases.layout(folder, [layer], Path(scratch))
    return folder


def with_tag(image, folder):
    """The same layout with a tag, which umoci wants."""
    folder.mkdir()
    (folder / "blobs").symlink_to(image / "blobs")
    shutil.copy(image / "oci-layout", folder)
    index = json.loads((image / "index.json").read_text())
    index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def measured(name, words, runs, before=lambda: None):
    """The median of some runs; one that takes long is the only one."""
    walls, costs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            before()
            cost = measure.command(words, Path(folder) / "log")
            walls.append(cost.wall)
            costs.append(cost)
            if cost.wall > bench.CHEAP:
                break
    wall = statistics.median(walls)
    return name, wall, statistics.median(cost.cpu for cost in costs), max(c.memory for c in costs)


def rows(scenario, results):
    first = results[0][1]
    for place, (name, wall, cpu, memory) in enumerate(results):
        ratio = "" if place == 0 else f"{wall / first:.1f}"
        title = scenario if place == 0 else ""
        print(f"| {title} | {name} | {wall:.3f} | {cpu:.3f} | {memory / 1e6:.0f} | {ratio} |")


def main():
    given = arguments()
    built = bench.programs(given.crossdock)
    program = built["crossdock"]
    images = bases.prepare(bench.home() / "bases", built["crossdock-fixtures"])
    many = many_files(bench.home() / "many-files")
    big, path = images.layout("linux-big"), images.facts["linux-file"]
    layer = images.layers("linux-big")[0]
    many_layer = bases.Bases(bench.home(), {}).layers("many-files")[0]
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        at = [program, "--root", work / "store"]
        unpacked = work / "unpacked"

        def umoci(image, answer):
            command = f"umoci unpack --rootless --image {image} {unpacked} && {answer}"
            return ["sh", "-c", command]

        def clean():
            # Rootless umoci keeps modes that hinder nobody but a later removal.
            measure.command(["sh", "-c", f"chmod -R u+rwX {unpacked} 2>&1; rm -rf {unpacked}"],
                            work / "log")

        listing = [*at, "ls", "-R", f"oci-layout://{many}", "/"]
        reading = [*at, "cat", f"oci-layout://{big}", path]
        first_listing = measured("crossdock, first time", listing, 1)
        first_reading = measured("crossdock, first time", reading, 1)
        lists = [measured("crossdock", listing, given.runs),
                 measured("crossdock ls -lR", [*at, "ls", "-lR", *listing[-2:]], given.runs),
                 first_listing,
                 measured("tar -tzf", ["tar", "-tzf", many_layer], given.runs)]
        reads = [measured("crossdock", reading, given.runs), first_reading,
                 measured("tar -xzOf", ["tar", "-xzOf", layer, "." + path], given.runs)]
        if shutil.which("umoci"):
            answer = f"find {unpacked}/rootfs"
            lists.append(measured("umoci unpack, find", umoci(with_tag(many, work / "many"), answer), given.runs, clean))
            answer = f"cat {unpacked}/rootfs{path}"
            reads.append(measured("umoci unpack, cat", umoci(with_tag(big, work / "big"), answer), given.runs, clean))
            clean()
        print("| | | wall s | CPU s | peak MB | × crossdock |\n|---|---|---:|---:|---:|---:|")
        rows("ls -R of 100,000 files", lists)
        rows("cat of one file of 1 GB", reads)


if __name__ == "__main__":
    try:
        main()
    except (bases.Missing, measure.Failed) as error:
        sys.exit(f"error: {error}")
