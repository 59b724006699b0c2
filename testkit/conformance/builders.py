"""The builders: how each is started and asked for the image of a case."""

import json
import os
import shutil
import subprocess
import threading
import time

import lines
import result

# No case is large; one that takes longer hangs.
LIMIT_SECONDS = 120


class Absent(Exception):
    """Why a builder cannot be used here."""


class BuildFailed(Exception):
    """A build that failed, with what it said."""


class Builder:
    """What the builders have in common: a command for each build, and where its result lies."""

    name = ""
    environment = {}
    # Whether only the first words of its history are alike.
    keywords_only = False

    def build(self, case, folder, server):
        """The images that a case makes, by platform."""
        out = os.path.join(folder, "out-" + self.name)
        # Only the whole seconds of a file's time are sure to be kept.
        started = int(time.time()) * 10**9
        for command in self.commands(case, folder, out, server):
            self.run(command, folder)
        built = result.read_layout(out, server.restore, self.started(started))
        for image in built.values():
            for entry in image.entries.values():
                if entry.time == case.source_time:
                    entry.time = lines.NAMED_TIMES["src"]
        return built

    def started(self, started):
        """From when on a time is `now`."""
        return started

    def run(self, command, folder):
        environment = {"PATH": os.environ["PATH"], "HOME": folder} | self.environment
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise BuildFailed(f"not done after {error.timeout} s") from None
        if done.returncode != 0:
            raise BuildFailed(done.stdout.decode("utf-8", "replace"))

    def stop(self):
        pass


class Crossdock(Builder):
    """The program that is tested."""

    name = "crossdock"

    def __init__(self, program, work):
        self.program, self.root = program, os.path.join(work, "crossdock")

    def started(self, started):
        """Its times are never the clock's: such a one is to be seen."""
        return None

    def commands(self, case, folder, out, server):
        command = [self.program, "--root", self.root, "build", "--progress", "plain"]
        command += ["-o", f"type=oci-layout,dest={out}"]
        command += options(case, server, folder)
        context, dockerfile = places(case, folder, server)
        if case.one("dockerfile"):
            command += ["-f", dockerfile]
        yield [*command, context]


def places(case, folder, server):
    """The main context and the Dockerfile, as they stand on a command line."""
    dockerfile = case.one("dockerfile", "Dockerfile")
    if case.one("context"):
        return server.replace(case.one("context"), case.name), dockerfile
    context = os.path.join(folder, "context")
    return context, os.path.join(context, dockerfile)


def options(case, server, folder):
    """The options that crossdock and buildah have in common."""
    found = []
    for value in case.all("build-arg"):
        found += ["--build-arg", server.replace(value, case.name)]
    for value in case.all("build-context"):
        name, _, value = server.replace(value, case.name).partition("=")
        if value.startswith("folder:"):
            value = os.path.join(folder, value[len("folder:") :])
        found += ["--build-context", f"{name}={value}"]
    if case.one("target"):
        found += ["--target", case.one("target")]
    if case.one("platform"):
        found += ["--platform", case.one("platform")]
    return found


class BuildKit(Builder):
    """BuildKit's own daemon and client; the Dockerfile frontend is the daemon's."""

    name = "buildkit"

    def __init__(self, work, server):
        programs = {name: shutil.which(name) for name in ("buildkitd", "buildctl", "runc")}
        missing = [name for name, path in programs.items() if not path]
        if missing:
            raise Absent(f"{', '.join(missing)} not found")
        if os.geteuid() != 0:
            raise Absent("buildkitd needs root")
        self.client = [programs["buildctl"], "--addr", f"unix://{work}/buildkitd.sock"]
        config = os.path.join(work, "buildkitd.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[registry."{server.host}"]\n  http = true\n')
            file.write("[worker.oci]\n  gc = false\n")
        self.log_path = os.path.join(work, "buildkitd.log")
        with open(self.log_path, "wb") as log:
            self.daemon = subprocess.Popen(
                [
                    programs["buildkitd"],
                    *("--config", config),
                    *("--root", os.path.join(work, "buildkit")),
                    *("--addr", f"unix://{work}/buildkitd.sock"),
                    *("--oci-worker=true", "--containerd-worker=false"),
                    *("--oci-worker-binary", programs["runc"]),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.alone = threading.Lock()
        self._wait()

    def build(self, case, folder, server):
        # The daemon keeps the folder that it was sent and changes it into the next one, of which
        # directories then have times of their own. So each build starts from nothing.
        with self.alone:
            try:
                return super().build(case, folder, server)
            finally:
                prune = ["prune", "--all", "--filter", "type==source.local"]
                subprocess.run([*self.client, *prune], check=True, capture_output=True)

    def _wait(self):
        for _ in range(300):
            asked = subprocess.run([*self.client, "debug", "workers"], capture_output=True)
            if asked.returncode == 0:
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.1)
        self.stop()
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            raise Absent(f"buildkitd does not start: {log.read()[-300:]}")

    def commands(self, case, folder, out, server):
        command = [*self.client, "build", "--progress", "plain", "--no-cache"]
        command += ["--frontend", "dockerfile.v0"]
        if case.one("context"):
            command += ["--opt", "context=" + server.replace(case.one("context"), case.name)]
        else:
            for local in ("context", "dockerfile"):
                command += ["--local", f"{local}={folder}/context"]
        # With "cmdline" the frontend that the syntax directive names is taken to be running.
        command += ["--opt", "cmdline=-"]
        for key, option in (
            ("filename", "dockerfile"),
            ("target", "target"),
            ("platform", "platform"),
        ):
            if case.one(option):
                command += ["--opt", f"{key}={case.one(option)}"]
        for value in case.all("build-arg"):
            name, _, value = server.replace(value, case.name).partition("=")
            command += ["--opt", f"build-arg:{name}={value}"]
        for value in case.all("build-context"):
            name, _, value = server.replace(value, case.name).partition("=")
            if value.startswith("folder:"):
                other = value[len("folder:") :]
                command += ["--local", f"{other}={folder}/{other}"]
                value = f"local:{other}"
            command += ["--opt", f"context:{name}={value}"]
        yield command + ["--output", f"type=oci,tar=false,dest={out}"]

    def stop(self):
        self.daemon.terminate()
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()


class Buildah(Builder):
    """Debian's buildah, without privileges, in Docker's format: OCI's has no ONBUILD."""

    name = "buildah"
    keywords_only = True

    def __init__(self, work, server):
        self.program = shutil.which("buildah")
        if not self.program:
            raise Absent("buildah not found")
        self.work = work
        os.makedirs(os.path.join(work, "run"))
        config = os.path.join(work, "registries.conf")
        self.policy = os.path.join(work, "policy.json")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[[registry]]\nlocation = "{server.host}"\ninsecure = true\n')
        with open(self.policy, "w", encoding="utf-8") as file:
            json.dump({"default": [{"type": "insecureAcceptAnything"}]}, file)
        self.environment = {
            "CONTAINERS_REGISTRIES_CONF": config,
            "BUILDAH_ISOLATION": "chroot",
            "XDG_RUNTIME_DIR": os.path.join(work, "run"),
        }
        for name in ("USER", "LOGNAME"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        try:
            self.run(self._words("from", "scratch"), work)
        except BuildFailed as error:
            raise Absent(f"buildah does not work here: {str(error).strip()[-300:]}") from None

    def _words(self, *words):
        store = [("--root", "buildah"), ("--runroot", "buildah-run")]
        places = [part for flag, name in store for part in (flag, os.path.join(self.work, name))]
        return [self.program, *places, "--storage-driver", "vfs", *words]

    def commands(self, case, folder, out, server):
        name = f"localhost/{case.name}:built"
        context, dockerfile = places(case, folder, server)
        yield self._words(
            "bud",
            *("--format", "docker", "--layers", "--no-cache", "--pull", "--tls-verify=false"),
            *("--signature-policy", self.policy),
            *options(case, server, folder),
            *("-t", name, "-f", dockerfile, context),
        )
        yield self._words("push", "--signature-policy", self.policy, name, f"dir:{out}")

    def stop(self):
        # What it has unpacked belongs to users that only it may be.
        folders = [os.path.join(self.work, name) for name in ("buildah", "buildah-run")]
        own = [self.program, "unshare"] if os.geteuid() != 0 else []
        try:
            self.run([*own, "rm", "-rf", "--", *folders], self.work)
        except BuildFailed as error:
            print(f"buildah's folders are not removed: {error}")


def reference(name, work, server):
    """The reference builder of a name; of `auto` the first that works; None of `none`."""
    kinds = {"buildkit": BuildKit, "buildah": Buildah}
    if name == "none":
        return None
    if name in kinds:
        return kinds[name](work, server)
    for kind in kinds.values():
        try:
            return kind(work, server)
        except Absent as why:
            print(f"no {kind.name}: {why}")
    return None
