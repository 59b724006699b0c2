"""The builders: how each is found, started, emptied and asked for a build."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import measure


class Absent(Exception):
    """Why a tool is left out."""


class Crossdock:
    """A process for each build, of an ordinary user."""

    name = "crossdock"

    def __init__(self, program, work, registry):
        self.program, self.registry = program, registry
        self.root, self.log = work / "crossdock", work / "crossdock.log"
        self.version = first_line([program, "--version"])

    def empty(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def build(self, context, platform, image):
        return measure.command(
            [self.program, "--root", self.root, "build", "--progress", "plain",
             "--insecure-registry", self.registry, "--platform", platform,
             "-t", image, "--push", context], self.log)

    def store(self):
        return measure.disk(self.root)

    def stop(self):
        pass


class BuildKit:
    """A daemon that works for root, and a client."""

    name = "buildkit"

    def __init__(self, work, registry):
        self.daemon = None
        self.programs = {name: needed(name) for name in ("buildkitd", "buildctl", "runc")}
        as_root()
        self.registry, self.log = registry, work / "buildctl.log"
        self.root, self.socket = work / "buildkit", f"unix://{work}/buildkitd.sock"
        self.config = work / "buildkitd.toml"
        # Nothing is collected while it is measured, however full the disk.
        self.config.write_text(
            f'[registry."{registry}"]\n  http = true\n  insecure = true\n[worker.oci]\n  gc = false\n')
        self.work = work
        words = first_line([self.programs["buildkitd"], "--version"]).split()
        self.version = "buildkit " + next((w for w in words if w.startswith("v")), words[-1])

    def empty(self):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        log = (self.work / "buildkitd.log").open("wb")
        self.daemon = subprocess.Popen(
            [self.programs["buildkitd"], "--root", self.root, "--addr", self.socket,
             "--config", self.config, "--oci-worker=true", "--containerd-worker=false",
             "--oci-worker-binary", self.programs["runc"]],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(300):
            asked = subprocess.run([self.programs["buildctl"], "--addr", self.socket, "debug", "workers"],
                                   capture_output=True)
            if asked.returncode == 0:
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.1)
        self.stop()
        text = Path(log.name).read_text(errors="replace")
        raise Absent(f"buildkitd does not start: {measure.last_line(text)}")

    def build(self, context, platform, image):
        return measure.command(
            [self.programs["buildctl"], "--addr", self.socket, "build", "--progress", "plain",
             "--frontend", "dockerfile.v0", "--local", f"context={context}",
             "--local", f"dockerfile={context}", "--opt", f"platform={platform}",
             "--output", f"type=image,name={image},push=true,registry.insecure=true"],
            self.log, daemon=self.daemon.pid)

    def store(self):
        return measure.disk(self.root)

    def stop(self):
        if self.daemon:
            self.daemon.terminate()
            try:
                self.daemon.wait(30)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        self.daemon = None


class Buildah:
    """Two processes for each build, build and push. It knows nothing of Windows layers."""

    name = "buildah"

    def __init__(self, work, registry):
        self.program = needed("buildah")
        as_root()
        self.work, self.log = work, work / "buildah.log"
        self.root = work / "buildah"
        self.version = " ".join(first_line([self.program, "--version"]).split()[:3])
        self.driver = next((d for d in ("overlay", "vfs") if self.works(d)), None)
        if not self.driver:
            raise Absent("no storage driver of buildah works here")
        self.version += f" ({self.driver})"
        # Its configuration of the host has no say.
        (work / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (work / "registries.conf").write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')

    def words(self, driver, *words):
        return [self.program, "--root", self.root, "--runroot", self.work / "buildah-run",
                "--storage-driver", driver, *words]

    def works(self, driver):
        """Whether it can make a container: overlay needs more than the kernel knowing it."""
        command = [str(word) for word in self.words(driver, "from", "scratch")]
        done = subprocess.run(command, capture_output=True).returncode == 0
        mounted = done and subprocess.run(
            [str(word) for word in self.words(driver, "mount", "working-container")],
            capture_output=True).returncode == 0
        self.empty()
        return mounted

    def empty(self):
        for folder in (self.root, self.work / "buildah-run"):
            # Mounts of buildah outlive it.
            for line in Path("/proc/self/mounts").read_text().splitlines():
                place = line.split()[1]
                if place.startswith(f"{folder}/"):
                    subprocess.run(["umount", "-l", place], check=False)
            shutil.rmtree(folder, ignore_errors=True)

    def build(self, context, platform, image):
        environment = os.environ | {"CONTAINERS_REGISTRIES_CONF": str(self.work / "registries.conf")}
        policy = ["--signature-policy", self.work / "policy.json"]
        build = measure.command(
            self.words(self.driver, "build", *policy, "--layers", "--isolation", "chroot",
                       "--tls-verify=false", "--platform", platform, "-t", image,
                       "-f", context / "Dockerfile.buildah", context),
            self.log, environment=environment)
        push = measure.command(
            self.words(self.driver, "push", *policy, "--tls-verify=false", image, f"docker://{image}"),
            self.log, environment=environment)
        return measure.Cost(build.wall + push.wall, build.cpu + push.cpu, max(build.memory, push.memory))

    def store(self):
        return measure.disk(self.root)

    def stop(self):
        self.empty()


def needed(program):
    found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not found:
        raise Absent(f"{program} not found")
    return found


def as_root():
    if os.geteuid() != 0:
        raise Absent("it needs root, and this is an ordinary user")


def first_line(words):
    text = subprocess.run([str(word) for word in words], capture_output=True, text=True).stdout
    return text.splitlines()[0] if text else "unknown version"
