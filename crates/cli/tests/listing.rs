//! `crossdock ls`, `tree` and `find` as users run them.

mod program;

use std::fs;

use crossdock_fixtures::{Os, layout_from_tar};

use program::run_in;

/// A tar that is being written.
#[derive(Default)]
struct Tar(Vec<u8>);

/// What an entry is but for its name.
#[derive(Clone, Copy)]
struct Member<'m> {
    flag: u8,
    mode: u32,
    owner: (u32, u32),
    time: u64,
    link: &'m str,
    device: (u32, u32),
    content: &'m [u8],
    records: &'m [(&'m str, &'m str)],
}

const FILE: Member<'_> = Member {
    flag: b'0',
    mode: 0o644,
    owner: (0, 0),
    time: 1_700_000_000,
    link: "",
    device: (0, 0),
    content: b"",
    records: &[],
};

const DIRECTORY: Member<'_> = Member {
    flag: b'5',
    mode: 0o755,
    ..FILE
};

impl Tar {
    fn put(&mut self, name: &[u8], member: Member<'_>) {
        let mut body = Vec::new();
        // Longer names and those that are not ASCII stand in a record of their own.
        let path = (name.len() > 100 || !name.is_ascii()).then_some((&b"path"[..], name));
        let texts = member.records.iter();
        let texts = texts.map(|(key, value)| (key.as_bytes(), value.as_bytes()));
        for (key, value) in path.into_iter().chain(texts) {
            let rest = key.len() + value.len() + 3;
            // A length counts its own digits.
            let length = (1..=5).map(|digits| rest + digits);
            let length = length
                .zip(1..)
                .find(|(length, digits)| length.to_string().len() == *digits);
            let length = format!("{} ", length.unwrap().0);
            let record = [length.as_bytes(), key, b"=", value, b"\n"];
            body.extend(record.concat());
        }
        if !body.is_empty() {
            let extension = Member {
                flag: b'x',
                content: &body,
                ..FILE
            };
            self.block(b"extension", extension);
        }
        self.block(name, member);
    }

    fn block(&mut self, name: &[u8], member: Member<'_>) {
        let mut header = [0; 512];
        let mut write = |at: usize, bytes: &[u8]| {
            header[at..at + bytes.len()].copy_from_slice(bytes);
        };
        write(0, &name[..name.len().min(100)]);
        write(100, format!("{:07o}\0", member.mode).as_bytes());
        write(108, format!("{:07o}\0", member.owner.0).as_bytes());
        write(116, format!("{:07o}\0", member.owner.1).as_bytes());
        write(124, format!("{:011o}\0", member.content.len()).as_bytes());
        write(136, format!("{:011o}\0", member.time).as_bytes());
        write(148, b"        ");
        write(156, &[member.flag]);
        write(157, member.link.as_bytes());
        write(257, b"ustar\x0000");
        write(329, format!("{:07o}\0", member.device.0).as_bytes());
        write(337, format!("{:07o}\0", member.device.1).as_bytes());
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
        self.0.extend(member.content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }
}

/// A folder with images and a store.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// With a Linux image of one of everything and a Windows image.
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        bench.image("linux", Os::Linux, linux());
        bench.image("windows", Os::Windows, windows());
        bench
    }

    fn image(&self, name: &str, os: Os, mut tar: Tar) {
        tar.0.resize(tar.0.len() + 1024, 0);
        let path = self.folder.path().join("layer.tar");
        fs::write(&path, &tar.0).unwrap();
        layout_from_tar(&path, &self.folder.path().join(name), os, "latest", true).unwrap();
    }

    /// Runs a command; gives the exit code and both outputs.
    fn run(&self, line: &[&str]) -> (i32, String, String) {
        run_in(self.folder.path(), line)
    }

    /// A command that succeeds and prints `expected`. Its words are divided by `|`.
    #[track_caller]
    fn check(&self, line: &str, expected: &str) {
        let words: Vec<&str> = line.split('|').collect();
        let (code, out, err) = self.run(&words);
        assert_eq!(
            (out.as_str(), err.as_str(), code),
            (expected, "", 0),
            "{line}"
        );
    }
}

const LINUX: &str = "oci-layout://linux";
const WINDOWS: &str = "oci-layout://windows";

fn linux() -> Tar {
    let mut tar = Tar::default();
    let link = |flag, link| Member {
        flag,
        mode: 0o777,
        link,
        ..FILE
    };
    let device = |flag, mode, device| Member {
        flag,
        mode,
        device,
        ..FILE
    };
    let content = |mode, content| Member {
        mode,
        content,
        ..FILE
    };
    tar.put(b"bin/", DIRECTORY);
    tar.put(b"bin/su", content(0o4755, b"#!"));
    tar.put(b"bin/sudo", link(b'1', "bin/su"));
    tar.put(
        b"dev/",
        Member {
            mode: 0o1777,
            ..DIRECTORY
        },
    );
    tar.put(b"dev/sda", device(b'4', 0o660, (8, 1)));
    tar.put(b"dev/tty", device(b'3', 0o620, (5, 0)));
    tar.put(b"dev/log", device(b'6', 0o600, (0, 0)));
    tar.put(
        b"etc/passwd",
        content(0o644, b"root:x:0:0::/:\napp:x:70:71::/:\n"),
    );
    tar.put(b"etc/group", content(0o644, b"root:x:0:\nstaff:x:71:\n"));
    let owned = Member {
        owner: (70, 71),
        time: 1_700_000_060,
        mode: 0o2755,
        ..DIRECTORY
    };
    tar.put(b"odd/", owned);
    tar.put(
        b"odd/a\nb",
        Member {
            owner: (70, 5000),
            ..FILE
        },
    );
    tar.put(b"odd/\x1b[2J", FILE);
    tar.put(b"odd/caf\xe9", content(0o600, &[b'x'; 1500]));
    tar.put("odd/größe".as_bytes(), FILE);
    tar.put(&[&b"odd/"[..], &[b'n'; 255]].concat(), FILE);
    tar.put(b"sh", link(b'2', "bin/su"));
    tar.put(b"configs", link(b'2', "/etc"));
    tar
}

fn windows() -> Tar {
    // O:BA, self-relative, without a DACL.
    const DESCRIPTOR: &str = "AQAAgBQAAAAAAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAA";
    const OWNER: (&str, &str) = ("MSWINDOWS.rawsd", DESCRIPTOR);
    let mut tar = Tar::default();
    let with = |member, records| Member {
        records,
        mode: 0,
        ..member
    };
    let attributes = |value| ("MSWINDOWS.fileattr", value);
    let directory = [attributes("16"), OWNER];
    tar.put(b"Files", with(DIRECTORY, &directory));
    tar.put(b"Hives", with(DIRECTORY, &directory));
    tar.put(b"Files/Users", with(DIRECTORY, &directory));
    let archive = [attributes("32"), OWNER];
    let notes = Member {
        content: b"0123456789",
        ..FILE
    };
    tar.put(b"Files/Users/NOTES.txt", with(notes, &archive));
    tar.put(b"Files/Users/NOTES.txt:zone", with(notes, &[]));
    let hidden = [attributes("38")];
    tar.put(b"Files/Users/desktop.ini", with(FILE, &hidden));
    tar.put("Files/Users/a\u{f03a}b".as_bytes(), with(FILE, &archive));
    let junction = [attributes("1040"), ("MSWINDOWS.mountpoint", "1"), OWNER];
    let link = Member {
        flag: b'2',
        link: "C:\\Users",
        ..FILE
    };
    tar.put(b"Files/Documents and Settings", with(link, &junction));
    tar
}

#[test]
fn names() {
    let bench = Bench::new();
    let check = |words: &str, expected: &str| bench.check(words, expected);
    let root = "bin\nconfigs\ndev\netc\nodd\nsh\n";
    check(&format!("ls|{LINUX}"), root);
    check(&format!("ls|-aAA1|{LINUX}:/"), root);
    check(
        &format!("ls|-r|{LINUX}"),
        "sh\nodd\netc\ndev\nconfigs\nbin\n",
    );
    let odd = format!("\\x1b[2J\na\\nb\ncaf\\xe9\ngröße\n{}\n", "n".repeat(255));
    check(&format!("ls|{LINUX}|odd"), &odd);
    // A link leads to its directory, unless it is looked at itself.
    check(&format!("ls|{LINUX}|configs"), "group\npasswd\n");
    check(
        &format!("ls|-d|{LINUX}|configs|/bin/su"),
        "/bin/su\n/configs\n",
    );
    check(
        &format!("ls|{LINUX}|etc|bin|sh"),
        "/sh\n\n/bin:\nsu\nsudo\n\n/etc:\ngroup\npasswd\n",
    );
    check(
        &format!("ls|-R|{WINDOWS}"),
        "C:\\:\nDocuments and Settings\nUsers\n\nC:\\Users:\na:b\ndesktop.ini\nNOTES.txt\n",
    );
    for path in [
        "C:\\USERS",
        "\\users",
        "/Users",
        "users/",
        "Documents and Settings",
    ] {
        check(
            &format!("ls|{WINDOWS}|{path}"),
            "a:b\ndesktop.ini\nNOTES.txt\n",
        );
    }
    check(&format!("ls|{WINDOWS}:C:\\users\\A:B"), "C:\\Users\\a:b\n");
}

#[test]
fn long_lines_of_linux() {
    let bench = Bench::new();
    bench.check(
        &format!("ls|-l|{LINUX}"),
        "\
drwxr-xr-x 2 root root  0 2023-11-14 22:13 bin
lrwxrwxrwx 1 root root  4 2023-11-14 22:13 configs -> /etc
drwxrwxrwt 2 root root  0 2023-11-14 22:13 dev
drwxr-xr-x 2 root root  0 -                etc
drwxr-sr-x 2 app  staff 0 2023-11-14 22:14 odd
lrwxrwxrwx 1 root root  6 2023-11-14 22:13 sh -> bin/su
",
    );
    bench.check(
        &format!("ls|-l|--layer|{LINUX}|bin|dev|sh"),
        "\
1 lrwxrwxrwx 1 root root 6 2023-11-14 22:13 /sh -> bin/su

/bin:
1 -rwsr-xr-x 2 root root 2 2023-11-14 22:13 su
1 -rwsr-xr-x 2 root root 2 2023-11-14 22:13 sudo

/dev:
1 prw------- 1 root root    0 2023-11-14 22:13 log
1 brw-rw---- 1 root root 8, 1 2023-11-14 22:13 sda
1 crw--w---- 1 root root 5, 0 2023-11-14 22:13 tty
",
    );
    let long = "n".repeat(255);
    bench.check(
        &format!("ls|-nhSr|{LINUX}|odd"),
        &format!(
            "\
-rw-r--r-- 1 0  0       0 2023-11-14 22:13 {long}
-rw-r--r-- 1 0  0       0 2023-11-14 22:13 größe
-rw-r--r-- 1 70 5000    0 2023-11-14 22:13 a\\nb
-rw-r--r-- 1 0  0       0 2023-11-14 22:13 \\x1b[2J
-rw------- 1 0  0    1.5K 2023-11-14 22:13 caf\\xe9
"
        ),
    );
    bench.check(
        &format!("ls|-d|--full-time|{LINUX}|odd"),
        "drwxr-sr-x 2 app staff 0 2023-11-14 22:14:20.000000000 +0000 /odd\n",
    );
}

#[test]
fn long_lines_of_windows() {
    let bench = Bench::new();
    bench.check(
        &format!("ls|-lR|{WINDOWS}"),
        "\
C:\\:
d----l BUILTIN\\Administrators 8 2023-11-14 22:13 Documents and Settings -> C:\\Users
d----- BUILTIN\\Administrators 0 2023-11-14 22:13 Users

C:\\Users:
-a---- BUILTIN\\Administrators  0 2023-11-14 22:13 a:b
-a-hs- -                       0 2023-11-14 22:13 desktop.ini
-a---- BUILTIN\\Administrators 10 2023-11-14 22:13 NOTES.txt
",
    );
    bench.check(
        &format!("ls|-n|{WINDOWS}|users\\notes.TXT"),
        "-a---- S-1-5-32-544 10 2023-11-14 22:13 C:\\Users\\NOTES.txt\n",
    );
}

#[test]
fn json() {
    let bench = Bench::new();
    let time = "\"modified\":\"2023-11-14T22:13:20Z\"";
    bench.check(
        &format!("ls|--format|json|{LINUX}|/bin/su|/dev/tty|sh"),
        &format!(
            "\
{{\"path\":\"/bin/su\",\"name\":\"su\",\"kind\":\"file\",\"size\":2,\"mode\":\"4755\",\"uid\":0,\"gid\":0,\
\"user\":\"root\",\"group\":\"root\",{time},\"links\":2,\"layer\":1}}
{{\"path\":\"/dev/tty\",\"name\":\"tty\",\"kind\":\"character_device\",\"size\":0,\"mode\":\"0620\",\
\"uid\":0,\"gid\":0,\"user\":\"root\",\"group\":\"root\",{time},\"device_major\":5,\"device_minor\":0,\
\"links\":1,\"layer\":1}}
{{\"path\":\"/sh\",\"name\":\"sh\",\"kind\":\"symbolic_link\",\"size\":6,\"mode\":\"0777\",\"uid\":0,\
\"gid\":0,\"user\":\"root\",\"group\":\"root\",{time},\"link_target\":\"bin/su\",\"links\":1,\"layer\":1}}
"
        ),
    );
    bench.check(
        &format!("find|{LINUX}|-name|caf*|--format|json"),
        &format!(
            "\
{{\"path\":\"/odd/caf\u{fffd}\",\"path_base64\":\"L29kZC9jYWbp\",\"name\":\"caf\u{fffd}\",\
\"name_base64\":\"Y2Fm6Q==\",\"kind\":\"file\",\"size\":1500,\"mode\":\"0600\",\"uid\":0,\"gid\":0,\
\"user\":\"root\",\"group\":\"root\",{time},\"links\":1,\"layer\":1}}
"
        ),
    );
    bench.check(
        &format!("tree|--format|json|{WINDOWS}"),
        &format!(
            "\
{{\"path\":\"C:\\\\Documents and Settings\",\"name\":\"Documents and Settings\",\"kind\":\"junction\",\
\"size\":8,\"attributes\":1040,\"owner\":\"BUILTIN\\\\Administrators\",\"owner_sid\":\"S-1-5-32-544\",\
{time},\"link_target\":\"C:\\\\Users\",\"links\":1,\"layer\":1}}
{{\"path\":\"C:\\\\Users\",\"name\":\"Users\",\"kind\":\"directory\",\"size\":0,\"attributes\":16,\
\"owner\":\"BUILTIN\\\\Administrators\",\"owner_sid\":\"S-1-5-32-544\",{time},\"links\":1,\"layer\":1}}
{{\"path\":\"C:\\\\Users\\\\a:b\",\"name\":\"a:b\",\"kind\":\"file\",\"size\":0,\"attributes\":32,\
\"owner\":\"BUILTIN\\\\Administrators\",\"owner_sid\":\"S-1-5-32-544\",{time},\"links\":1,\"layer\":1}}
{{\"path\":\"C:\\\\Users\\\\desktop.ini\",\"name\":\"desktop.ini\",\"kind\":\"file\",\"size\":0,\
\"attributes\":38,{time},\"links\":1,\"layer\":1}}
{{\"path\":\"C:\\\\Users\\\\NOTES.txt\",\"name\":\"NOTES.txt\",\"kind\":\"file\",\"size\":10,\
\"attributes\":32,\"owner\":\"BUILTIN\\\\Administrators\",\"owner_sid\":\"S-1-5-32-544\",{time},\
\"links\":1,\"layer\":1,\"streams\":[\"zone\"]}}
"
        ),
    );
}

#[test]
fn trees() {
    let bench = Bench::new();
    bench.check(
        &format!("tree|-L|1|{LINUX}"),
        "\
/
├── bin
├── configs -> /etc
├── dev
├── etc
├── odd
└── sh -> bin/su

4 directories, 2 files
",
    );
    bench.check(
        &format!("tree|-h|{WINDOWS}"),
        "\
[   0]  C:\\
├── [   8]  Documents and Settings -> C:\\Users
└── [   0]  Users
    ├── [   0]  a:b
    ├── [   0]  desktop.ini
    └── [  10]  NOTES.txt

1 directory, 4 files
",
    );
    bench.check(
        &format!("tree|-s|{LINUX}|/bin"),
        "\
[          0]  /bin
├── [          2]  su
└── [          2]  sudo

0 directories, 2 files
",
    );
    bench.check(
        &format!("tree|-d|{LINUX}"),
        "/\n├── bin\n├── dev\n├── etc\n└── odd\n\n4 directories\n",
    );
}

#[test]
fn searches() {
    let bench = Bench::new();
    let check = |words: &str, expected: &str| bench.check(words, expected);
    check(
        &format!("find|{LINUX}|-name|s*|-type|f"),
        "/bin/su\n/bin/sudo\n",
    );
    check(
        &format!("find|{LINUX}|bin|/etc|--name|*s*"),
        "/bin/su\n/bin/sudo\n/etc/passwd\n",
    );
    check(&format!("find|{LINUX}:/odd|-size|+1k"), "/odd/caf\\xe9\n");
    check(&format!("find|{LINUX}|-newer|/bin"), "/odd\n");
    check(&format!("find|{LINUX}|-newermt|2023-11-14 22:14"), "/odd\n");
    check(
        &format!("find|{LINUX}|(|-user|app|-o|-perm|/4000|)|!|-links|2|-print0"),
        "/odd/a\nb\0",
    );
    check(
        &format!("find|{LINUX}|-maxdepth|1|-layer|1|-type|d"),
        "/bin\n/dev\n/odd\n",
    );
    check(
        &format!("find|{LINUX}|/dev|-type|b|-ls"),
        "brw-rw---- 1 root root 8, 1 2023-11-14 22:13 /dev/sda\n",
    );
    check(
        &format!("find|{WINDOWS}|-name|*.INI|-attr|hs"),
        "C:\\Users\\desktop.ini\n",
    );
    check(
        &format!("find|{WINDOWS}|users|-user|administrators|-type|f"),
        "C:\\Users\\a:b\nC:\\Users\\NOTES.txt\n",
    );
}

#[test]
fn errors() {
    let bench = Bench::new();
    let check = |line: &str, expected_out: &str, expected_err: &str| {
        let words: Vec<&str> = line.split('|').collect();
        let (code, out, err) = bench.run(&words);
        assert_eq!(out, expected_out, "{line}");
        assert_eq!(err, expected_err, "{line}");
        assert_eq!(code, 1, "{line}");
    };
    check(
        &format!("ls|{LINUX}|/none|/bin|x/y"),
        "/bin:\nsu\nsudo\n",
        "error: oci-layout://linux: \"/none\": not found\nerror: oci-layout://linux: \"x/y\": not found\n",
    );
    check(
        &format!("find|{LINUX}|none|sh"),
        "/sh\n",
        "error: oci-layout://linux: \"none\": not found\n",
    );
    check(
        &format!("tree|{LINUX}|/bin/su"),
        "",
        "error: oci-layout://linux: \"/bin/su\": is not a directory\n",
    );
    check(
        &format!("find|{LINUX}|-mtime|3"),
        "",
        "error: -mtime: there is no such test; use -newermt DATE, or -newer PATH\n",
    );
    check(
        &format!("find|{WINDOWS}|-perm|644"),
        "",
        "error: oci-layout://windows: -perm: is for Linux images; use -attr or -user in this one, which \
         is for Windows\n",
    );
    check(
        &format!("ls|{WINDOWS}|D:\\x"),
        "",
        "error: oci-layout://windows: \"D:\\\\x\": an image has no drive D:, only C:\n",
    );
}
