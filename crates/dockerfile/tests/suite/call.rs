//! `--call`: checks, outlines, targets.

use std::collections::BTreeMap;

use crossdock_dockerfile::{
    CheckReport, Dockerfile, IgnorePatterns, Options, Source, check_file, outline, targets,
};

use crate::lower::platform;

fn options() -> Options {
    let mut options = Options::new(platform("linux/amd64"));
    options
        .build_args
        .insert("GIVEN".to_owned(), "<given>".to_owned());
    options
}

fn report_with(text: &str, options: &Options) -> CheckReport {
    match Dockerfile::parse("Dockerfile", text.as_bytes()) {
        Ok(file) => check_file(&file, options, &BTreeMap::new()),
        Err(error) => {
            let source = Source::new("Dockerfile", text.as_bytes());
            CheckReport::of_parse_error(&source, &error)
        }
    }
}

/// The rules that speak, the error, and the bases that would be needed.
fn check(text: &str, expected: &str) {
    let mut options = Options::new(platform("linux/amd64"));
    let ignore = "ignored\n*.log\n/deep/er\n";
    options.ignore = Some(IgnorePatterns::parse(ignore.as_bytes()).expect("patterns"));
    check_with(text, &options, expected);
}

fn check_with(text: &str, options: &Options, expected: &str) {
    let report = report_with(text, options);
    let mut shown: Vec<String> = Vec::new();
    for warning in &report.warnings {
        shown.push(warning.rule.expect("a rule").name().to_owned());
    }
    shown.extend(
        report
            .error
            .iter()
            .map(|error| format!("error: {}", error.message)),
    );
    shown.extend(
        report
            .needs
            .iter()
            .map(|need| format!("needs {}", need.source)),
    );
    assert_eq!(shown.join("; "), expected, "{text}");
}

#[test]
fn all_stages_are_checked_and_run_is_gone_over() {
    for (text, expected) in [
        ("FROM scratch\nRUN x", ""),
        ("FROM a\nRUN x\nCMD x", "JSONArgsRecommended; needs a"),
        (
            "FROM scratch\nCMD x\nFROM scratch\nCMD y",
            "JSONArgsRecommended; JSONArgsRecommended",
        ),
        // Nothing is known of the variables of a base that is not there.
        ("FROM a\nLABEL l=$JAVA_HOME", "needs a"),
        ("FROM scratch\nLABEL l=$JAVA_HOME", "UndefinedVar"),
        // The first error ends it, and what was found before is told.
        (
            "FROM scratch AS A\nCOPY --chmod=9 a b\nCMD x",
            "StageNameCasing; error: invalid mode \"9\"",
        ),
        ("ARG A", "error: the file has no FROM"),
        ("FORM a", "error: unknown instruction: FORM"),
        (
            "FROM scratch AS x\nFROM scratch\nRUN --mount=from=x,target=/y z",
            "",
        ),
        (
            "FROM scratch\nRUN --mount=from=img,target=/y z",
            "needs img",
        ),
        // Comments above instructions.
        ("# check=skip=JSONArgsRecommended\nFROM scratch\nCMD x", ""),
        (
            "FROM scratch\n# check=skip=JSONArgsRecommended\nCMD x\nENTRYPOINT x",
            "JSONArgsRecommended",
        ),
        ("FROM scratch\n# check=skip=all why not\nCMD x", ""),
        (
            "#!/usr/bin/env docker\n# check=skip=all\nFROM scratch\nCMD x",
            "",
        ),
        (
            "# check=error=true\nFROM scratch\nCMD x",
            "JSONArgsRecommended; error: there are 1 warnings, and the file asks to stop at \
             warnings",
        ),
        // Descriptions, which only those hear who ask.
        ("# text\nARG A\nFROM scratch", ""),
        (
            "# check=experimental=all\n# text\nARG A\nFROM scratch",
            "InvalidDefinitionDescription",
        ),
        (
            "# check=experimental=InvalidDefinitionDescription;skip=all\n# A text\nARG A\n\
             # x\nFROM scratch AS b",
            "InvalidDefinitionDescription",
        ),
        (
            "# check=experimental=all\n# text\n#\nARG A\nFROM scratch",
            "",
        ),
        // What the ignore file leaves out.
        ("FROM scratch\nCOPY ignored /", "CopyIgnoredFile"),
        (
            "FROM scratch\nADD a/../ignored/x b.log /c/",
            "CopyIgnoredFile; CopyIgnoredFile",
        ),
        ("FROM scratch\nCOPY . deep /", ""),
        (
            "FROM scratch AS a\nFROM scratch\nCOPY --from=a ignored /",
            "",
        ),
    ] {
        check(text, expected);
    }
    let mut options = Options::new(platform("linux/amd64"));
    options.ignore = Some(IgnorePatterns::parse(b"*\n!a").expect("patterns"));
    check_with("FROM scratch\nCOPY b /", &options, "");
    options.ignore = Some(IgnorePatterns::parse(b"**").expect("patterns"));
    check_with("FROM scratch\nCOPY . /", &options, "CopyIgnoredFile");
    options.target = Some("a".to_owned());
    check_with("FROM scratch AS a\nFROM scratch\nCMD x", &options, "");
    for (name, value, expected) in [
        ("BUILDKIT_DOCKERFILE_CHECK", "skip=all", ""),
        (
            "BUILDKIT_DOCKERFILE_CHECK",
            "oops",
            "error: BUILDKIT_DOCKERFILE_CHECK: invalid check option \"oops\"",
        ),
        (
            "BUILDKIT_SYNTAX",
            "docker/dockerfile:1-labs",
            "JSONArgsRecommended",
        ),
        (
            "BUILDKIT_SYNTAX",
            "x/y:1 arguments",
            "error: BUILDKIT_SYNTAX: the frontend \"x/y:1\" is not available: only \
             docker/dockerfile is built in",
        ),
        ("BUILDKIT_INLINE_CACHE", "1", "JSONArgsRecommended"),
        ("http_proxy", "x", "JSONArgsRecommended"),
    ] {
        let mut options = Options::new(platform("linux/amd64"));
        options.build_args.insert(name.to_owned(), value.to_owned());
        check_with("FROM scratch\nCMD x", &options, expected);
    }
}

#[test]
fn mounts_are_read_with_their_variables() {
    let head = "FROM scratch\nARG T=/t";
    for (flag, expected) in [
        ("--mount=type=cache,target=/c", ""),
        (
            "--mount=type=cache,target=$T,sharing=locked,id=x,mode=0755,uid=1,gid=1",
            "",
        ),
        (
            "--mount=type=secret,id=x,env=Y --mount=type=ssh,required",
            "",
        ),
        ("--mount=type=tmpfs,target=/t,size=64m", ""),
        ("--mount=type=bind,src=a,dst=/b,rw", ""),
        ("--mount='type=bind,\"source=a,b\",target=/b'", ""),
        (
            "--mount='type=bind,so\"urce=a'",
            "error: \"type=bind,so\\\"urce=a\" is not a list with commas: a quote stands",
        ),
        (
            "--mount='\"type=bind'",
            "error: \"\\\"type=bind\" is not a list with commas: a quote is not closed",
        ),
        (
            "--mount=target=/b,readonly=maybe",
            "error: invalid value \"maybe\" for readonly",
        ),
        (
            "--mount=type=tpmfs,target=/b",
            "error: unsupported mount type \"tpmfs\"",
        ),
        (
            "--mount=tagret=/b",
            "error: unexpected key \"tagret\" in \"tagret=/b\"",
        ),
        (
            "--mount=type=cache,target",
            "error: \"target\" needs a value: target=…",
        ),
        (
            "--mount=type=bind,target=/a,size=1",
            "error: a mount of type bind has no size",
        ),
        (
            "--mount=type=bind,target=/a,required",
            "error: a mount of type bind has no required",
        ),
        (
            "--mount=type=bind,target=/a,mode=7",
            "error: a mount of type bind has no mode",
        ),
        (
            "--mount=target=/a,sharing=shared",
            "error: a mount of type bind has no sharing",
        ),
        (
            "--mount=type=cache,target=/a,sharing=mine",
            "error: invalid value \"mine\" for sharing",
        ),
        (
            "--mount=type=cache,target=/a,uid=x",
            "error: invalid value \"x\" for uid",
        ),
        (
            "--mount=type=tmpfs,target=/a,size=x",
            "error: invalid value \"x\" for size",
        ),
        (
            "--mount=type=secret",
            "error: a secret needs an id, a source or a target",
        ),
        (
            "--mount=type=secret,id=a,from=b",
            "error: a secret has no from",
        ),
        (
            "--mount=type=secret,id=a,src=b",
            "error: a secret has an id or a source, not both",
        ),
        (
            "--mount=type=ssh,source=b",
            "error: an ssh mount has no source",
        ),
        (
            "--mount=target=/",
            "error: a mount cannot have / as its target",
        ),
        ("--mount=type=cache,target=$NOPE/x", "UndefinedVar"),
        (
            "--mount=from=$T,target=/a",
            "error: variables are not expanded in from= of a mount",
        ),
        (
            "--mount=",
            "error: \"\" is not a list with commas: it is empty",
        ),
        ("--network=none --security=insecure", ""),
        (
            "--network=bridge",
            "error: --network: \"bridge\" is not default, none or host",
        ),
        (
            "--security=",
            "error: --security: \"\" is not sandbox or insecure",
        ),
        (
            "--device=vendor/device=foo,required --device=name=a,required=false",
            "",
        ),
        (
            "--device=a,b",
            "error: --device: \"b\" is not a name, and required after a comma",
        ),
        (
            "--device=a,name=b",
            "error: --device: \"name=b\" is not one name",
        ),
    ] {
        let report = report_with(
            &format!("{head}\nRUN {flag} x"),
            &Options::new(platform("linux/amd64")),
        );
        let mut shown: Vec<String> = Vec::new();
        for warning in &report.warnings {
            shown.push(warning.rule.expect("a rule").name().to_owned());
        }
        shown.extend(
            report
                .error
                .iter()
                .map(|error| format!("error: {}", error.message)),
        );
        let shown = shown.join("; ");
        let fits = match expected {
            "" => shown.is_empty(),
            expected => shown.starts_with(expected),
        };
        assert!(fits, "{flag}: {shown}");
    }
    // One that comes later.
    check(
        "FROM scratch\nRUN --mount=from=late,target=/a x\nFROM scratch AS late",
        "error: cannot copy from stage late: it is not defined before this stage",
    );
}

const OUTLINED: &str = "\
# VERSION of everything
ARG VERSION=1.0
ARG UNUSED
# BASE to start from
ARG BASE=alpine:$VERSION
FROM $BASE AS base
# GIVEN & taken
ARG GIVEN
FROM scratch AS other
ARG NOT_NEEDED
FROM scratch AS tools
RUN --mount=type=ssh --mount=type=secret,id=tools,required x
# build everything there is
# build what is needed
FROM base AS build
# none of these
ARG VERSION FLAG=$TARGETOS
ARG TARGETOS
RUN --mount=type=secret,target=/run/secrets/token \\
    --mount=from=tools,target=/t x
";

#[test]
fn outlines() {
    let file = Dockerfile::parse("Dockerfile", OUTLINED.as_bytes()).expect("valid");
    let outline = |options: &Options| outline(&file, options, &BTreeMap::new()).expect("valid");
    let shown = outline(&options());
    assert_eq!(
        shown.to_text(),
        "TARGET:      build\n\
         DESCRIPTION: everything there is\n\
         \n\
         BUILD ARG   VALUE        DESCRIPTION\n\
         VERSION     1.0          of everything\n\
         BASE        alpine:1.0   to start from\n\
         GIVEN       <given>      & taken\n\
         FLAG                     \n\
         \n\
         SECRET   REQUIRED\n\
         tools    true\n\
         token    \n\
         \n\
         SSH       REQUIRED\n\
         default   \n\
         \n"
    );
    let needs: Vec<String> = shown
        .needs
        .iter()
        .map(|need| need.source.to_string())
        .collect();
    assert_eq!(needs, ["alpine:1.0"]);
    let json: serde_json::Value = serde_json::from_str(&shown.to_json()).expect("JSON");
    assert_eq!(json["name"], "build");
    assert_eq!(json["args"][2]["name"], "GIVEN");
    assert_eq!(json["args"][2]["value"], "<given>");
    assert_eq!(json["args"][2]["location"]["ranges"][0]["start"]["line"], 8);
    assert_eq!(
        json["secrets"][1]["location"]["ranges"][1]["end"]["line"],
        20
    );
    assert!(shown.to_json().contains("\\u003cgiven\\u003e"));
    let target = Options {
        target: Some("other".to_owned()),
        ..options()
    };
    assert_eq!(
        outline(&target).to_text(),
        "TARGET: other\n\nBUILD ARG    VALUE   DESCRIPTION\nNOT_NEEDED           \n\n"
    );
}

#[test]
fn targets_of_a_file() {
    let text = "FROM a AS One\n# two the second\nFROM --platform=$BUILDPLATFORM One AS two\n\
                FROM scratch";
    let file = Dockerfile::parse("Dockerfile", text.as_bytes()).expect("valid");
    let targets = targets(&file);
    assert_eq!(
        targets.to_text(),
        "TARGET    DESCRIPTION\none       \ntwo       the second\n(default) \n"
    );
    assert_eq!(
        targets.to_json(),
        r#"{
  "targets": [
    {
      "name": "one",
      "base": "a",
      "location": {
        "ranges": [
          {
            "start": {
              "line": 1
            },
            "end": {
              "line": 1
            }
          }
        ]
      }
    },
    {
      "name": "two",
      "description": "the second",
      "base": "One",
      "platform": "$BUILDPLATFORM",
      "location": {
        "ranges": [
          {
            "start": {
              "line": 3
            },
            "end": {
              "line": 3
            }
          }
        ]
      }
    },
    {
      "default": true,
      "base": "scratch",
      "location": {
        "ranges": [
          {
            "start": {
              "line": 4
            },
            "end": {
              "line": 4
            }
          }
        ]
      }
    }
  ],
  "sources": [
    "RlJPTSBhIEFTIE9uZQojIHR3byB0aGUgc2Vjb25kCkZST00gLS1wbGF0Zm9ybT0kQlVJTERQTEFURk9STSBPbmUgQVMgdHdvCkZST00gc2NyYXRjaA=="
  ]
}"#
    );
}

#[test]
fn messages_have_keywords_as_they_are_written() {
    let text = "from scratch\ncmd a\nenv A b\ncmd b";
    let report = report_with(text, &Options::new(platform("linux/amd64")));
    let messages: Vec<&str> = report.warnings.iter().map(|w| w.message.as_str()).collect();
    let json = "JSON arguments recommended for cmd to prevent unintended behavior related to OS \
                signals";
    let legacy = "\"env key=value\" should be used instead of legacy \"env key value\" format";
    let once = "Multiple cmd instructions should not be used in the same stage because only the \
                last one will be used";
    assert_eq!(messages, [json, once, legacy, json]);
}

#[test]
fn checks_are_shown_as_docker_shows_them() {
    let options = Options::new(platform("linux/amd64"));
    let clean = report_with("FROM scratch", &options);
    assert_eq!(clean.to_text(), "Check complete, no warnings found.\n");
    assert!(clean.is_clean() && clean.to_json().contains("\"warnings\": null"));
    let report = report_with(
        "FROM scratch\nLABEL a=b \\\n  c=$D\nUSER x\nCOPY --chmod=9 a b\n",
        &options,
    );
    assert_eq!(
        report.to_text(),
        "Check complete, 1 warning has been found!\n\
         \n\
         WARNING: UndefinedVar - https://docs.docker.com/go/dockerfile/rule/undefined-var/\n\
         Usage of undefined variable '$D'\n\
         Dockerfile:2\n\
         --------------------\n\
         \x20  1 |     FROM scratch\n\
         \x20  2 | >>> LABEL a=b \\\n\
         \x20  3 | >>>   c=$D\n\
         \x20  4 |     USER x\n\
         --------------------\n\
         \n\
         ERROR: invalid mode \"9\"\n\
         Dockerfile:5\n\
         --------------------\n\
         \x20  3 |       c=$D\n\
         \x20  4 |     USER x\n\
         \x20  5 | >>> COPY --chmod=9 a b\n\
         \x20  6 |     \n\
         --------------------\n"
    );
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    let warning = &json["warnings"][0];
    assert_eq!(warning["ruleName"], "UndefinedVar");
    assert_eq!(
        warning["description"],
        "Variables should be defined before their use"
    );
    assert_eq!(warning["location"]["ranges"][1]["start"]["line"], 3);
    assert_eq!(json["buildError"]["message"], "invalid mode \"9\"");
    assert_eq!(
        json["buildError"]["location"]["ranges"][0]["start"]["line"],
        5
    );
    assert_eq!(json["sources"][0]["filename"], "Dockerfile");
}
