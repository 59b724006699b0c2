//! From a Dockerfile to a plan.

use std::collections::BTreeMap;

use crossdock_dockerfile::{
    BaseConfig, BaseRequest, Dockerfile, Lowering, NamedContext, Options, Plan, lower,
    source_date_epoch,
};
use crossdock_image::{Config, ContainerConfig, History, Platform};

pub(crate) fn platform(text: &str) -> Platform {
    text.parse().expect("a platform")
}

/// Base images by the name in `oci-layout://name`, or any image whose name holds it.
fn base_config(request: &BaseRequest) -> BaseConfig {
    let name = request.source.to_string();
    let windows = name.contains("windows") || request.platform.is_windows();
    let platform = match windows {
        true => platform("windows(10.0.20348.2340)/amd64"),
        false => platform("linux/amd64"),
    };
    let mut config = Config {
        created: Some("2026-01-01T00:00:00Z".to_owned()),
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        os_version: platform.os_version.clone(),
        ..Config::default()
    };
    config.history.push(History {
        created_by: format!("base {name}"),
        ..History::default()
    });
    config.config = match windows {
        true => ContainerConfig {
            env: vec!["Tools=C:\\tools".to_owned()],
            cmd: Some(vec!["c:\\windows\\system32\\cmd.exe".to_owned()]),
            ..ContainerConfig::default()
        },
        false => ContainerConfig {
            env: vec!["PATH=/bin".to_owned(), "LANG=C".to_owned()],
            cmd: Some(vec!["sh".to_owned()]),
            working_dir: "/home".to_owned(),
            user: if name.contains("nobody") {
                "nobody"
            } else {
                ""
            }
            .to_owned(),
            ..ContainerConfig::default()
        },
    };
    if name.contains("triggers") {
        config.config.on_build = vec![
            "ARG VERSION=1".to_owned(),
            "COPY --from=tools /t /t".to_owned(),
            "COPY v$VERSION /v".to_owned(),
        ];
    }
    if name.contains("badtrigger") {
        config.config.on_build = vec!["COPPY a b".to_owned()];
    }
    BaseConfig { config, platform }
}

/// Answers what lowering asks for until it is done.
pub(crate) fn plan(text: &str, options: &Options) -> Result<Plan, String> {
    let file = Dockerfile::parse("Dockerfile", text.as_bytes()).map_err(|e| e.to_string())?;
    let mut bases = BTreeMap::new();
    for _ in 0..3 {
        match lower(&file, options, &bases).map_err(|error| error.to_string())? {
            Lowering::Done(plan) => return Ok(*plan),
            Lowering::Needs(needs) => {
                for request in needs {
                    let answer = base_config(&request);
                    assert!(bases.insert(request, answer).is_none(), "asked twice");
                }
            }
        }
    }
    panic!("lowering asks again and again");
}

pub(crate) fn options() -> Options {
    let mut options = Options::new(platform("linux/amd64"));
    options.build_args = [("GIVEN", "from-command-line"), ("TARGET", "x")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    options
}

/// The operations without those that only fetch, one per line.
fn operations(plan: &Plan) -> String {
    let steps = plan.graph.steps();
    let lines: Vec<String> = steps
        .map(|(id, s)| format!("{id} {}", s.operation))
        .collect();
    lines.join("\n")
}

pub(crate) fn check(text: &str, expected: &str) {
    let plan = plan(text, &options()).expect(text);
    assert_eq!(operations(&plan), expected, "{text}");
}

pub(crate) fn check_error(text: &str, expected: &str) {
    let error = plan(text, &options())
        .map(|plan| operations(&plan))
        .expect_err(text);
    assert!(error.contains(expected), "{text}\n{error}");
}

#[test]
fn bases() {
    check("FROM scratch", "#0 scratch");
    check("FROM alpine:3", "#0 image alpine:3");
    check("FROM oci-layout://d:tag", "#0 image oci-layout://d:tag");
    check("FROM alpine AS a\nFROM A\nUSER x", "#0 image alpine");
    check(
        "FROM alpine\nFROM 0\nWORKDIR /x",
        "#0 image alpine\n#1 mkdir #0:/x",
    );
    check(
        "FROM alpine AS a\nFROM debian AS a\nFROM a",
        "#0 image debian",
    );
    check(
        "ARG B=debian\nARG T\nFROM $B:${T:-12}",
        "#0 image debian:12",
    );
    check("ARG GIVEN=no\nFROM $GIVEN", "#0 image from-command-line");
    check("FROM unused AS x\nRUN y\nFROM scratch", "#0 scratch");
    check_error("ARG B\nFROM $B", "the base image \"$B\" is empty");
    check_error(
        "ARG B\nFROM --platform=$B a",
        "the platform \"$B\" is empty",
    );
    check("FROM --platform=amd64 a", "#0 image a");
    check_error("FROM --platform=amd65 a", "platform \"amd65\"");
    check_error("FROM oci-layout://:x@sha256:1", "image");
    check_error(
        "FROM a\nRUN b",
        "RUN is not supported yet (stage 0, line 2)",
    );
    check_error(
        "FROM a AS b\nRUN c\nFROM scratch\nCOPY --from=b / /",
        "(stage b, line 2)",
    );
    check_error(
        "FROM a AS b\nONBUILD RUN c\nFROM b",
        "RUN is not supported yet (stage 1, line 2)",
    );
    check_error("ARG A=1", "the file has no FROM");
}

#[test]
fn what_is_not_supported_fails_before_anything_is_asked_for() {
    let text = b"FROM missing AS a\nRUN x\nFROM other\nCOPY --from=a / /";
    let file = Dockerfile::parse("Dockerfile", text).expect("valid");
    lower(&file, &options(), &BTreeMap::new()).expect_err("RUN");
}

#[test]
fn only_needed_images_are_asked_for_and_only_once() {
    let text = "FROM one AS a\nFROM two AS b\nFROM three\nCOPY --from=a / /\nCOPY --from=four / /";
    let file = Dockerfile::parse("Dockerfile", text.as_bytes()).expect("valid");
    let Ok(Lowering::Needs(needs)) = lower(&file, &options(), &BTreeMap::new()) else {
        panic!("configs are needed");
    };
    let names: Vec<String> = needs.iter().map(|need| need.source.to_string()).collect();
    assert_eq!(names, ["four", "one", "three"]);
}

#[test]
fn targets() {
    let text = "FROM a AS first\nFROM b\nFROM c AS last";
    for (target, expected) in [
        (None, Ok("#0 image c")),
        (Some("first"), Ok("#0 image a")),
        (Some("FIRST"), Ok("#0 image a")),
        (Some("1"), Ok("#0 image b")),
        (Some("frist"), Err("there is no stage \"frist\" to build")),
        (Some("7"), Err("there is no stage \"7\" to build")),
    ] {
        let options = Options {
            target: target.map(str::to_owned),
            ..options()
        };
        let shown = plan(text, &options).map(|plan| operations(&plan));
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(shown, expected, "{target:?}");
    }
}

#[test]
fn platforms_come_from_the_base() {
    let platform_of = |text: &str, asked: &str| {
        let mut options = Options::new(platform(asked));
        options.build_platform = platform("linux/arm64");
        let plan = plan(text, &options).expect(text);
        let config = &plan.target.config;
        assert_eq!(config.platform(), plan.target.platform);
        plan.target.platform.to_string()
    };
    let windows = "windows(10.0.20348.2340)/amd64";
    assert_eq!(platform_of("FROM a", "linux/amd64"), "linux/amd64");
    assert_eq!(platform_of("FROM a", "windows/amd64"), windows);
    assert_eq!(
        platform_of("FROM oci-layout://windows", "linux/amd64"),
        windows
    );
    assert_eq!(
        platform_of("FROM scratch", "windows(10.0.1)/amd64"),
        "windows(10.0.1)/amd64"
    );
    assert_eq!(
        platform_of("FROM --platform=$BUILDPLATFORM scratch", "linux/amd64"),
        "linux/arm64"
    );
    assert_eq!(
        platform_of("FROM --platform=windows/arm64 scratch", "linux/amd64"),
        "windows/arm64"
    );
}

#[test]
fn copies() {
    let head = "FROM scratch\n";
    for (copy, expected) in [
        ("COPY a /b", "copy #1:/a to #0:/b"),
        ("COPY a b /c/", "copy #1:/a #1:/b to #0:/c (directory)"),
        ("COPY . .", "copy #1:/ to #0:/ (directory)"),
        ("COPY ../../a x", "copy #1:/a to #0:/x"),
        (
            "COPY *.go [x] /s/",
            "copy #1:/*.go (wildcard) #1:/[x] (wildcard) to #0:/s (directory)",
        ),
        ("COPY a\\\\*b /s", "copy #1:/a\\*b to #0:/s"),
        ("COPY [\"a b\", \"/c d\"]", "copy #1:/a b to #0:/c d"),
        (
            "COPY --chown=1:2 --chmod=4755 a b",
            "copy #1:/a to #0:/b owner=1:2 mode=4755",
        ),
        (
            "COPY --chmod=u+x,go-w a b",
            "copy #1:/a to #0:/b mode=u+x,go-w",
        ),
        (
            "COPY --link --exclude=*.md --exclude=x a b",
            "copy #1:/a to #0:/b link exclude=*.md exclude=x",
        ),
        (
            "COPY --parents a/./b/c /d/",
            "copy #1:/a/b/c (pivot 1) to #0:/d (directory) parents",
        ),
        (
            "COPY --parents ./a/b /d/",
            "copy #1:/a/b to #0:/d (directory) parents",
        ),
        ("ADD a.tar /b", "copy #1:/a.tar (unpack) to #0:/b"),
        ("COPY a b /c", "copy #1:/a #1:/b to #0:/c"),
        ("ADD --unpack=false a.tar /b", "copy #1:/a.tar to #0:/b"),
    ] {
        let lines = format!("#0 scratch\n#1 context\n#2 {expected}");
        check(&format!("{head}{copy}"), &lines);
    }
    check(
        "FROM scratch\nCOPY a <<b.txt c /d/\nx\nb.txt",
        "#0 scratch\n#1 context\n\
         #2 copy #1:/a #1:/c b.txt=\"x\\n\" to #0:/d (directory)",
    );
    check(
        "FROM scratch\nARG N=1\nENV F=/x\nCOPY s$N ${F}/y\nWORKDIR w\nCOPY a b",
        "#0 scratch\n#1 context\n#2 copy #1:/s1 to #0:/x/y\n#3 mkdir #2:/w\n\
         #4 copy #1:/a to #3:/w/b",
    );
}

#[test]
fn here_documents_are_expanded_unless_quoted() {
    let text = "FROM scratch\nENV A=1 B='x y'\nCOPY <<a <<'b' <<-c /d/\n$A \"$B\" \\$A\na\n$A\nb\n\t$A\n\tc\n";
    let plan = plan(text, &options()).expect("valid");
    assert!(
        operations(&plan)
            .ends_with(r#"copy a="1 \"x y\" $A\n" b="$A\n" c="1\n" to #0:/d (directory)"#),
        "{}",
        operations(&plan)
    );
}

#[test]
fn copies_from_elsewhere() {
    check(
        "FROM a AS one\nWORKDIR /w\nFROM scratch\nCOPY --from=ONE /w /x\nCOPY --from=0 /w /y",
        "#0 image a\n#1 mkdir #0:/w\n#2 scratch\n#3 copy #1:/w to #2:/x\n#4 copy #1:/w to #3:/y",
    );
    check(
        "FROM scratch\nCOPY --from=busybox:1 bin/sh /sh\nCOPY --from=busybox:1 /x /x",
        "#0 scratch\n#1 image busybox:1\n#2 copy #1:/bin/sh to #0:/sh\n#3 copy #1:/x to #2:/x",
    );
    check_error("FROM a AS b\nCOPY --from=b / /", "cannot copy from stage b");
    check_error(
        "FROM a\nCOPY --from=late / /\nFROM b AS late\nFROM 0",
        "cannot copy from stage late",
    );
    check_error("FROM a\nCOPY --from=1 / /", "there is no stage number 1");
    check_error("FROM a\nCOPY --from=-1 / /", "there is no stage number -1");
    check_error(
        "FROM a\nCOPY --from=$X / /",
        "variables are not expanded in --from",
    );
}

/// Named contexts of all kinds, and what is made of Dockerfiles with them.
#[test]
fn named_contexts_stand_for_stages_and_images() {
    let mut options = options();
    let image = |name: &str| NamedContext::Image(name.parse().expect("an image"));
    options.contexts = [
        ("stage", image("oci-layout://replaced")),
        ("files", NamedContext::Files),
        ("debian:12", image("mirror/debian:12")),
        ("docker.io/library/golang:latest", NamedContext::Files),
        ("only::linux/arm64", image("arm")),
        ("only", image("any")),
        ("other", NamedContext::Stage("made".to_owned())),
        ("number", NamedContext::Stage("0".to_owned())),
        ("circle", NamedContext::Stage("round".to_owned())),
        ("nowhere", NamedContext::Stage("mdae".to_owned())),
        ("scratch", image("never")),
        ("empty", image("scratch")),
    ]
    .map(|(name, context)| (name.to_owned(), context))
    .into();
    let check = |text: &str, expected: Result<&str, &str>| {
        let shown = plan(text, &options).map(|plan| operations(&plan));
        match expected {
            Ok(operations) => assert_eq!(shown.as_deref(), Ok(operations), "{text}"),
            Err(part) => {
                let error = shown.expect_err(text);
                assert!(error.contains(part), "{text}\n{error}");
            }
        }
    };
    let files = "#0 scratch\n#1 context files\n#2 copy #1:/ to #0:/ (directory)";
    // A stage is replaced with everything in it.
    check(
        "FROM a AS stage\nRUN x\nCOPY a b",
        Ok("#0 image oci-layout://replaced"),
    );
    check("FROM stage", Ok("#0 image oci-layout://replaced"));
    check("FROM a AS files\nRUN x", Ok(files));
    check(
        "FROM a AS files\nFROM b\nCOPY --from=0 /x /y",
        Ok(&format!("{files}\n#3 image b\n#4 copy #2:/x to #3:/y")),
    );
    // Even one that comes later.
    check(
        "FROM b AS x\nCOPY --from=files /x /y\nFROM a AS files\nFROM x",
        Ok(&format!("{files}\n#3 image b\n#4 copy #2:/x to #3:/y")),
    );
    check("FROM files", Ok(files));
    check(
        "FROM scratch\nCOPY --from=files a b",
        Ok("#0 scratch\n#1 context files\n#2 copy #1:/a to #0:/b"),
    );
    check("FROM debian:12", Ok("#0 image mirror/debian:12"));
    check(
        "FROM docker.io/library/debian:12",
        Ok("#0 image mirror/debian:12"),
    );
    check("FROM debian", Ok("#0 image debian"));
    check(
        "FROM golang",
        Ok("#0 scratch\n#1 context docker.io/library/golang:latest\n\
            #2 copy #1:/ to #0:/ (directory)"),
    );
    check("FROM only", Ok("#0 image any"));
    check("FROM --platform=linux/arm64 only", Ok("#0 image arm"));
    check("FROM --platform=linux/arm64 a AS only", Ok("#0 image arm"));
    check(
        "FROM a AS made\nWORKDIR /w\nFROM other\nCOPY --from=number /x /y",
        Ok("#0 image a\n#1 mkdir #0:/w\n#2 copy #1:/x to #1:/y"),
    );
    check(
        "FROM other AS one\nFROM b AS made\nFROM 0",
        Ok("#0 image b"),
    );
    check("FROM a AS other\nRUN x\nFROM b AS made", Ok("#0 image b"));
    check("FROM circle AS round", Err("round needs round"));
    check(
        "FROM a AS circle\nFROM circle AS round",
        Err("round needs circle needs round"),
    );
    check(
        "FROM nowhere\nFROM a AS made\nFROM 0",
        Err("stage \"mdae\""),
    );
    check("FROM empty", Ok("#0 scratch"));
    check(
        "FROM empty\nCOPY --from=empty / /",
        Ok("#0 scratch\n#1 scratch\n#2 copy #1:/ to #0:/ (directory)"),
    );
    check(
        "FROM scratch\nCOPY --from=scratch / /",
        Ok("#0 scratch\n#1 scratch\n#2 copy #1:/ to #0:/ (directory)"),
    );
}

#[test]
fn files_as_a_base_have_a_layer_and_a_config() {
    let mut options = options();
    options.contexts = [("files".to_owned(), NamedContext::Files)].into();
    let plan = plan("FROM files\nUSER x", &options).expect("valid");
    let config = &plan.target.config.config;
    assert!(config.env[0].starts_with("PATH=/usr/local/sbin"));
    assert_eq!(config.working_dir, "/");
    let history = plan.target.history.iter();
    let history: Vec<&str> = history.map(|step| step.created_by.as_str()).collect();
    assert_eq!(history, ["FROM files", "USER x"]);
    assert_eq!(plan.target.history[0].operation, Some(plan.target.tree));
}

#[test]
fn paths_follow_their_own_system() {
    check(
        "# escape=`\nFROM oci-layout://windows AS w\nFROM scratch\nCOPY --from=w C:\\Windows\\x.exe /x\\y",
        "#0 image oci-layout://windows\n#1 scratch\n#2 copy #0:/Windows/x.exe to #1:/x\\y",
    );
    check(
        "# escape=`\nFROM a AS l\nFROM oci-layout://windows\nWORKDIR C:\\App\nCOPY --from=l /a`\\b bin\\",
        "#0 image a\n#1 image oci-layout://windows\n#2 mkdir #1:/App\n\
         #3 copy #0:/a\\b to #2:/App/bin (directory)",
    );
    check(
        "# escape=`\nFROM oci-layout://windows\nCOPY .\\out\\*.dll C:\\App\\",
        "#0 image oci-layout://windows\n#1 context\n\
         #2 copy #1:/out/*.dll (wildcard) to #0:/App (directory)",
    );
    check_error(
        "FROM oci-layout://windows\nCOPY a D:/x",
        "not on the system drive (C:)",
    );
    check_error(
        "FROM oci-layout://windows\nCOPY a C:",
        "names a drive but no path",
    );
    check_error("FROM oci-layout://windows\nCOPY a //s/x", "UNC");
    check_error(
        "FROM oci-layout://windows\nWORKDIR D:/x",
        "not on the system drive (C:)",
    );
}

#[test]
fn what_is_elsewhere_is_a_tree_of_its_own() {
    let sha = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (add, expected) in [
        (
            "ADD https://x.org/d/a%20b.txt?q=1 /c".to_owned(),
            "#1 download https://x.org/d/a%20b.txt as a b.txt\n#2 copy #1:/a b.txt to #0:/c"
                .to_owned(),
        ),
        (
            "ADD http://x.org /c/".to_owned(),
            "#1 download http://x.org/ as __unnamed__\n\
             #2 copy #1:/__unnamed__ to #0:/c (directory)"
                .to_owned(),
        ),
        (
            format!("ARG S={sha}\nADD --unpack=true --checksum=sha256:$S http://u:p@x/a.tar /c"),
            format!(
                "#1 download http://x/a.tar as a.tar checksum=sha256:{sha}\n\
                 #2 copy #1:/a.tar (unpack) to #0:/c"
            ),
        ),
        (
            "ADD --keep-git-dir=true --checksum=abcdef1 https://x.org/a.git#v1:sub /c".to_owned(),
            "#1 git https://x.org/a.git?checksum=abcdef1&keep-git-dir=true&ref=v1&subdir=sub \
             keep-git-dir checksum=abcdef1\n#2 copy #1:/ to #0:/c"
                .to_owned(),
        ),
        (
            "ADD --link --chown=1 --exclude=*.md git@x.org:a.git b https://x/c d <<e /f\ne"
                .to_owned(),
            "#1 git git@x.org:a.git\n#2 context\n#3 download https://x/c as c\n\
             #4 copy #1:/ #2:/b (unpack) #3:/c #2:/d (unpack) e=\"\" to #0:/f \
             owner=1 link exclude=*.md"
                .to_owned(),
        ),
        (
            "ADD <<e /f\ne".to_owned(),
            "#1 copy e=\"\" to #0:/f".to_owned(),
        ),
    ] {
        check(
            &format!("FROM scratch\n{add}"),
            &format!("#0 scratch\n{expected}"),
        );
    }
}

#[test]
fn errors_of_copies() {
    for (copy, expected) in [
        ("COPY --chmod=8 a b", "invalid mode \"8\""),
        ("COPY --chmod=10000 a b", "invalid mode \"10000\""),
        ("COPY --chmod=u+q a b", "invalid mode \"u+q\""),
        (
            "COPY https://x/y /c",
            "COPY cannot copy from \"https://x/y\"",
        ),
        ("COPY git@github.com:a/b.git /c", "COPY cannot copy from"),
        (
            "ADD --checksum=sha256:1 a /c",
            "--checksum needs a source that is a URL or a git repository",
        ),
        (
            "ADD --checksum=sha256:1 <<a /c\na",
            "--checksum needs a source that is a URL or a git repository",
        ),
        (
            "ADD --checksum=sha256:1 https://x/y https://x/z /c/",
            "--checksum is for one source, and there are several",
        ),
        (
            "ADD --checksum=sha256:1 https://x/y /c",
            "invalid checksum \"sha256:1\"",
        ),
        (
            "ADD --checksum=zz https://x/y.git /c",
            "invalid checksum \"zz\"",
        ),
        ("ADD https://x/%zz /c", "cannot be used as an address"),
        (
            "ADD --keep-git-dir https://x/y.git?keep-git-dir=false /c",
            "names two values of keep-git-dir",
        ),
        (
            "COPY <<\"a/b\" /c\na/b",
            "the here-document \"a/b\" cannot be a file name",
        ),
        ("COPY ${x?unset} /c", "x: unset"),
    ] {
        check_error(&format!("FROM scratch\n{copy}"), expected);
    }
}

#[test]
fn variables_and_arguments() {
    let label = |text: &str| {
        let plan = plan(&format!("{text}\nLABEL l=$A"), &options()).expect(text);
        plan.target.config.config.labels["l"].clone()
    };
    for (text, expected) in [
        ("FROM a\nENV A=1", "1"),
        ("FROM a\nARG A=1", "1"),
        ("FROM a\nARG A=1\nENV A=2", "2"),
        // The later one counts in this file, as in BuildKit; the image keeps the ENV.
        ("FROM a\nENV A=2\nARG A=1", "1"),
        ("FROM a\nENV A=2\nARG A=1\nENV B=3", "1"),
        ("FROM a\nENV LANG=x\nARG LANG=y\nENV A=$LANG", "y"),
        ("FROM a AS b\nENV A=2\nARG A=1\nFROM b", "2"),
        ("FROM a AS b\nARG A=1\nFROM b", "1"),
        ("FROM a\nARG LANG\nENV A=$LANG", "C"),
        ("FROM a\nARG A=1\nARG A", "1"),
        ("FROM a\nARG A=1\nARG A=2", "2"),
        ("ARG A\nFROM a\nARG A=1", "1"),
        ("ARG A=x\nARG A=$A-y\nFROM a\nARG A", "x-y"),
        ("FROM a\nARG A=${B:-$C} B=1 C=2", ""),
        ("FROM a\nARG HTTP_PROXY=x\nENV A=$HTTP_PROXY", "x"),
        ("FROM a\nENV A=1\nENV A=2 B=$A\nENV A=$B", "1"),
        ("ARG A=global\nFROM a", ""),
        ("ARG A=global\nFROM a\nARG A", "global"),
        ("ARG A=global\nFROM a\nARG A=local", "local"),
        ("ARG B=b\nARG A=a$B\nFROM a\nARG A", "ab"),
        (
            "FROM a\nARG GIVEN=default\nARG A=$GIVEN",
            "from-command-line",
        ),
        ("FROM a\nARG B=x A=$B", "x"),
        ("FROM a AS b\nARG A=1\nENV B=$A\nFROM b\nARG A=$B", "1"),
        (
            "FROM a\nARG TARGETPLATFORM\nENV A=$TARGETPLATFORM",
            "linux/amd64",
        ),
        ("FROM a\nENV A=$TARGETPLATFORM", ""),
        ("FROM a\nENV A=$LANG", "C"),
        ("FROM oci-layout://windows\nENV A=$tools", "C:\\tools"),
        ("FROM oci-layout://windows\nENV a=1", "1"),
    ] {
        assert_eq!(label(text), expected, "{text}");
    }
}

#[test]
fn an_argument_hides_a_variable_but_does_not_change_it() {
    let text = "FROM a\nENV A=2\nARG A=1\nLABEL l=$A";
    let config = plan(text, &options()).expect(text).target.config.config;
    assert_eq!(config.env, ["PATH=/bin", "LANG=C", "A=2"]);
    assert_eq!(config.labels["l"], "1");
}

#[test]
fn the_epoch_may_be_a_global_default() {
    let epoch = |text: &str, given: Option<&str>| {
        let file = Dockerfile::parse("Dockerfile", text.as_bytes()).expect(text);
        let mut options = Options::new(platform("linux/amd64"));
        let given = given.map(|given| ("SOURCE_DATE_EPOCH".to_owned(), given.to_owned()));
        options.build_args.extend(given);
        source_date_epoch(&file, &options).expect(text)
    };
    let global = "ARG DAY=86400\nARG SOURCE_DATE_EPOCH=$DAY\nFROM scratch";
    assert_eq!(epoch(global, None).as_deref(), Some("86400"));
    assert_eq!(epoch(global, Some("5")).as_deref(), Some("5"));
    assert_eq!(epoch(global, Some("")), None);
    assert_eq!(epoch("FROM scratch\nARG SOURCE_DATE_EPOCH=1", None), None);
    assert_eq!(epoch("ARG SOURCE_DATE_EPOCH\nFROM scratch", None), None);
}

#[test]
fn switches_of_the_command_line() {
    let mut options = options();
    assert_eq!(
        (options.context_keeps_git_dir(), options.multi_platform()),
        (false, None)
    );
    for (name, value) in [
        ("BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1"),
        ("BUILDKIT_MULTI_PLATFORM", "false"),
    ] {
        options.build_args.insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(
        (options.context_keeps_git_dir(), options.multi_platform()),
        (true, Some(false))
    );
}

#[test]
fn windows_variables_are_replaced_without_regard_to_case() {
    let text = "FROM oci-layout://windows\nENV TOOLS=x B=y";
    let config = plan(text, &options()).expect(text).target.config.config;
    assert_eq!(config.env, ["TOOLS=x", "B=y"]);
}

#[test]
fn configs() {
    let config = |text: &str| plan(text, &options()).expect(text).target.config.config;
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let scratch = config("FROM scratch");
    assert_eq!(
        (scratch.env, scratch.working_dir.as_str()),
        (vec![path.to_owned()], "/")
    );
    let windows = config("FROM --platform=windows/amd64 scratch\nWORKDIR C:/a/b\nCMD dir");
    assert!(
        windows.env.is_empty(),
        "Windows has its PATH in the registry"
    );
    assert_eq!(windows.working_dir, "\\a\\b");
    assert_eq!(
        windows.cmd,
        Some(["cmd", "/S", "/C", "dir"].map(str::to_owned).to_vec())
    );
    assert!(windows.args_escaped);
    assert_eq!(config("FROM a").env, ["PATH=/bin", "LANG=C"]);
    assert_eq!(config("FROM a\nENTRYPOINT [\"x\"]").cmd, None);
    let own = config("FROM a\nCMD [\"c\"]\nENTRYPOINT x");
    assert_eq!(own.cmd, Some(vec!["c".to_owned()]));
    assert_eq!(
        own.entrypoint,
        Some(["/bin/sh", "-c", "x"].map(str::to_owned).to_vec())
    );
    assert!(!config("FROM a\nENTRYPOINT x").args_escaped);
    let inherited = config("FROM a AS b\nCMD [\"c\"]\nFROM b\nENTRYPOINT [\"x\"]");
    assert_eq!(inherited.cmd, None);
    let shell = config("FROM a\nSHELL [\"bash\", \"-lc\"]\nCMD x y");
    assert_eq!(
        shell.cmd,
        Some(["bash", "-lc", "x y"].map(str::to_owned).to_vec())
    );
    let health = config("FROM a\nHEALTHCHECK --timeout=2s --retries=3 CMD [\"x\"]").healthcheck;
    let health = serde_json::to_string(&health).expect("JSON");
    assert_eq!(
        health,
        r#"{"Test":["CMD","x"],"Retries":3,"Timeout":2000000000}"#
    );
    let ports = config("FROM a\nARG P=80\nEXPOSE $P 1-2/udp").exposed_ports;
    assert_eq!(
        Vec::from_iter(ports.into_keys()),
        ["1/udp", "2/udp", "80/tcp"]
    );
    assert_eq!(config("FROM a\nONBUILD USER x").on_build, ["USER x"]);
    assert_eq!(config("FROM a AS b\nONBUILD USER x\nFROM b").user, "x");
    assert_eq!(config("FROM a\nSTOPSIGNAL RTMIN+3").stop_signal, "RTMIN+3");
}

#[test]
fn labels_of_the_command_line_come_last() {
    let mut options = options();
    options.labels = [("a".to_owned(), "2".to_owned())].into();
    let plan = plan("FROM x\nLABEL a=1", &options).expect("valid");
    assert_eq!(plan.target.config.config.labels["a"], "2");
    assert_eq!(plan.target.history.len(), 1);
}

#[test]
fn directories_belong_to_the_user_in_force() {
    check(
        "FROM nobody\nWORKDIR a\nUSER 1:2\nWORKDIR /b",
        "#0 image nobody\n#1 mkdir #0:/home/a owner=nobody\n#2 mkdir #1:/b owner=1:2",
    );
}

#[test]
fn triggers_of_a_base_come_first() {
    check(
        "FROM t AS tools\nFROM oci-layout://triggers\nCOPY own /own",
        "#0 image t\n#1 image oci-layout://triggers\n#2 copy #0:/t to #1:/t\n#3 context\n\
         #4 copy #3:/v1 to #2:/v\n#5 copy #3:/own to #4:/own",
    );
    check_error(
        "FROM oci-layout://badtrigger",
        "the base's trigger \"COPPY a b\": unknown",
    );
    // Docker takes any trigger; who is based on it gets the error.
    check("FROM a\nONBUILD COPPY a b", "#0 image a");
    check_error(
        "FROM a AS b\nONBUILD COPPY a b\nFROM b",
        "the base's trigger \"COPPY a b\": unknown instruction: COPPY",
    );
}

#[test]
fn errors_of_configs() {
    for (line, expected) in [
        (
            "EXPOSE 80/xyz",
            "invalid port \"80/xyz\": the protocol is tcp, udp or sctp",
        ),
        ("EXPOSE 70000", "invalid port \"70000\""),
        ("EXPOSE 9-8", "the range ends before it starts"),
        ("EXPOSE x:80", "invalid port"),
        ("STOPSIGNAL SIGNOPE", "invalid signal \"SIGNOPE\""),
        ("STOPSIGNAL 0", "invalid signal \"0\""),
        ("STOPSIGNAL RTMIN+16", "invalid signal"),
        ("VOLUME $NOPE", "the volume is empty after expansion"),
        ("ENV $NOPE=1", "the name is empty after expansion"),
        ("USER ${A?}", "A: is not allowed to be unset"),
    ] {
        check_error(&format!("FROM a\n{line}"), expected);
    }
}

#[test]
fn a_base_keeps_its_history_and_nothing_that_the_builder_fills_in() {
    let plan = plan("FROM a\nUSER x", &options()).expect("valid");
    let config = &plan.target.config;
    assert_eq!(plan.target.base_history[0].created_by, "base a");
    assert!(config.history.is_empty() && config.created.is_none());
    assert!(config.rootfs.diff_ids.is_empty());
}
