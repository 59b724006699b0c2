//! What an image starts and that will not run.

use crate::archive::{dir, file, symlink};
use crate::bench::{Ask, Bench};

/// The head of an ELF program with a loader, or without.
fn elf(machine: u16, loader: &str) -> Vec<u8> {
    let mut head = vec![0; 400];
    head[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    head[18..20].copy_from_slice(&machine.to_le_bytes());
    (head[32], head[54], head[56]) = (64, 56, u8::from(!loader.is_empty()));
    head[64] = 3;
    head[72] = 200;
    head[96] = loader.len() as u8 + 1;
    head[200..200 + loader.len()].copy_from_slice(loader.as_bytes());
    head
}

fn pe(machine: u16) -> Vec<u8> {
    let mut head = vec![0; 0x200];
    head[..2].copy_from_slice(b"MZ");
    head[0x3c] = 0x80;
    head[0x80..0x84].copy_from_slice(b"PE\0\0");
    head[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
    head[0x98..0x9a].copy_from_slice(&0x20bu16.to_le_bytes());
    head
}

const AMD64: u16 = 62;
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            dir("./", 0o755),
            dir("bin/", 0o755),
            file("bin/sh", 0o755, elf(183, "")),
            dir("usr/", 0o755),
            dir("usr/lib64/", 0o755),
            symlink("lib64", "usr/lib64"),
            file("usr/lib64/ld-linux-x86-64.so.2", 0o755, "loader"),
        ],
    );
    bench.file("static", elf(AMD64, ""));
    bench.file("dynamic", elf(AMD64, LOADER));
    bench.file("musl", elf(AMD64, "/lib/ld-musl-x86_64.so.1"));
    bench.file("arm", elf(183, ""));
    bench.file("small", elf(3, ""));
    bench.file("windows.exe", pe(0x8664));
    bench.file("arm.exe", pe(0x1c4));
    bench.file("script", "#!/bin/sh\n");
    bench.file("crlf", "#!/bin/sh\r\necho\r\n");
    bench.file("python", "#!/usr/bin/python3 -u\n");
    bench.file("text", "echo hello\n");
    bench.file("empty", "");
    bench
}

/// Builds, and compares the warnings of this check with parts of what is expected.
#[track_caller]
fn check(bench: &Bench, platform: &str, dockerfile: &str, expected: &[&[&str]]) {
    for attempt in ["cold", "warm"] {
        let ask = Ask {
            platform,
            ..Ask::default()
        };
        let image = match bench.build(dockerfile, ask) {
            Ok(image) => image,
            Err(failed) => panic!("{dockerfile}: {}", failed.text),
        };
        let warnings = image.told.warnings.iter();
        let warnings: Vec<&String> = warnings
            .filter(|w| w.starts_with("ExecutableFormat"))
            .collect();
        assert_eq!(
            warnings.len(),
            expected.len(),
            "{attempt}: {dockerfile}: {warnings:#?}"
        );
        for (warning, parts) in warnings.iter().zip(expected) {
            for part in *parts {
                assert!(
                    warning.contains(part),
                    "{attempt}: {dockerfile}: {part}: {warning}"
                );
            }
        }
    }
}

#[test]
fn linux() {
    let bench = bench();
    let check = |copied: &str, rest: &str, expected: &[&[&str]]| {
        let dockerfile =
            format!("FROM oci-layout://base\nCOPY --chmod=755 {copied} /app/\n{rest}\n");
        check(&bench, "linux/amd64", &dockerfile, expected);
    };
    let none: &[&[&str]] = &[];
    for good in ["static", "dynamic", "small", "script", "empty"] {
        check(good, &format!("ENTRYPOINT [\"/app/{good}\"]"), none);
    }
    check(
        "windows.exe",
        "ENTRYPOINT [\"/app/windows.exe\"]",
        &[&[
            "ENTRYPOINT of the image for linux/amd64 starts /app/windows.exe, ",
            "Windows (PE)",
            "linux/amd64",
        ]],
    );
    check(
        "arm",
        "CMD [\"/app/arm\", \"-x\"]",
        &[&["CMD", "/app/arm", "a program for arm64"]],
    );
    check(
        "musl",
        "CMD [\"/app/musl\"]",
        &[&["loader /lib/ld-musl-x86_64.so.1", "statically"]],
    );
    check(
        "crlf",
        "CMD [\"/app/crlf\"]",
        &[&["carriage return", "\"/bin/sh\\r\""]],
    );
    check(
        "python",
        "CMD [\"/app/python\"]",
        &[&["/usr/bin/python3", "does not have"]],
    );
    check("text", "CMD [\"/app/text\"]", &[&["neither ELF nor"]]);
    // The entry point is what starts; its arguments and a shell's words are not.
    check(
        "arm",
        "ENTRYPOINT [\"/app/static\"]\nCMD [\"/app/arm\"]",
        none,
    );
    check("arm", "CMD /app/arm", none);
    check("arm", "CMD [\"/app/other\"]", none);
    check(
        "arm",
        "HEALTHCHECK CMD [\"/app/arm\"]",
        &[&["HEALTHCHECK", "/app/arm"]],
    );
    check("arm", "HEALTHCHECK CMD /app/arm", none);
    check("arm", "HEALTHCHECK NONE", none);
    check(
        "arm",
        "CMD [\"/app/arm\"]\nHEALTHCHECK CMD [\"/app/arm\"]",
        &[&["CMD"], &["HEALTHCHECK"]],
    );
    // By PATH, and by the working directory.
    check(
        "arm",
        "ENV PATH=/bin:/app\nCMD [\"arm\"]",
        &[&["starts /app/arm (arm), "]],
    );
    check("arm", "CMD [\"arm\"]", none);
    check(
        "arm",
        "WORKDIR /app\nCMD [\"./arm\"]",
        &[&["/app/arm (./arm)"]],
    );
    check(
        "arm",
        "ENV PATH=.\nWORKDIR /app\nCMD [\"arm\"]",
        &[&["/app/arm"]],
    );
    // The base is what it is.
    check("static", "CMD [\"sh\"]", none);
}

#[test]
fn modes() {
    let bench = bench();
    let dockerfile = |mode| {
        format!("FROM oci-layout://base\nCOPY --chmod={mode} static /app/\nCMD [\"/app/static\"]\n")
    };
    check(
        &bench,
        "linux/amd64",
        &dockerfile("644"),
        &[&["nobody may execute", "--chmod=755"]],
    );
    check(&bench, "linux/amd64", &dockerfile("100"), &[]);
}

#[test]
fn windows() {
    let bench = bench();
    let check = |rest: &str, expected: &[&[&str]]| {
        let dockerfile =
            format!("# escape=`\nFROM oci-layout://{{windows}}:latest\nCOPY . C:\\app\\\n{rest}\n");
        check(&bench, "windows/amd64", &dockerfile, expected);
    };
    check("ENTRYPOINT [\"C:\\\\app\\\\windows.exe\"]", &[]);
    check("ENTRYPOINT [\"c:/APP/Windows\"]", &[]);
    check(
        "ENTRYPOINT [\"C:\\\\app\\\\static\"]",
        &[&["C:\\app\\static, ", "Linux (ELF)", "windows/amd64"]],
    );
    check(
        "WORKDIR C:\\app\nCMD [\"arm\"]",
        &[&["C:\\app\\arm.exe (arm), ", "a program for arm"]],
    );
    check(
        "WORKDIR C:\\app\nCMD [\".\\\\STATIC\"]",
        &[&["C:\\app\\static (.\\STATIC), "]],
    );
    check(
        "CMD [\"C:\\\\app\\\\script\"]",
        &[&["#!", "Windows knows nothing"]],
    );
    check("CMD [\"D:\\\\app\\\\static\"]", &[]);
    check("CMD C:\\app\\static -x", &[]);
    check("CMD [\"cmd\"]", &[]);
}

#[test]
fn skipped() {
    let bench = bench();
    let rest = "FROM scratch\nCOPY --chmod=755 arm /\nCMD [\"/arm\"]\n";
    for skipped in ["skip=ExecutableFormat", "skip=all"] {
        check(
            &bench,
            "linux/amd64",
            &format!("# check={skipped}\n{rest}"),
            &[],
        );
    }
    check(
        &bench,
        "linux/amd64",
        &format!("# check=skip=CaseClash\n{rest}"),
        &[&["arm64"]],
    );
}

/// Nothing is downloaded or indexed for the check.
#[test]
fn layers_that_are_not_read() {
    let bench = bench();
    let dockerfile = "FROM oci-layout://base\nCOPY --link --chmod=755 arm /arm\nCMD [\"/arm\"]\n";
    let image = bench.build(dockerfile, Ask::default()).unwrap();
    assert_eq!(image.told.layers_read(), 0, "{:?}", image.told);
    check(
        &bench,
        "linux/amd64",
        "FROM scratch\nCOPY --chmod=755 arm /\nCMD [\"/arm\"]\n",
        &[&["arm64"]],
    );
    check(
        &bench,
        "linux/arm64",
        "FROM scratch\nCOPY --chmod=755 arm /\nCMD [\"/arm\"]\n",
        &[],
    );
    check(
        &bench,
        "linux/amd64",
        "FROM oci-layout://base\nCMD [\"sh\"]\n",
        &[],
    );
}
