//! What lowering finds odd.

use crossdock_dockerfile::Options;

use crate::lower::{check, check_error, options, plan, platform};

/// The rules that speak up, and where.
fn warnings(text: &str) -> Vec<String> {
    let plan = plan(text, &options()).expect(text);
    let warnings = plan.warnings.iter();
    warnings
        .filter_map(|warning| Some((warning.rule?.name(), warning.span?)))
        .map(|(name, span)| format!("{name} {:?}", &text[span.range()]))
        .collect()
}

#[test]
fn odd_things_are_warned_about() {
    for (text, expected) in [
        ("FROM a\nUSER b", ""),
        ("from a\nuser b", ""),
        ("FROM a\nuser b", "ConsistentInstructionCasing \"user\""),
        ("FROM a as b", "FromAsCasing \" as \""),
        ("FROM a\nONBUILD COPPY a b", "InvalidTrigger \"COPPY\""),
        ("FROM a\nEXPOSE $NOPE", ""),
        ("FROM a AS B", "StageNameCasing \"B\""),
        ("FROM a AS b\nFROM c AS b", "DuplicateStageName \"b\""),
        ("FROM a AS context", "ReservedStageName \"context\""),
        ("FROM a$X", "UndefinedArgInFrom \"a$X\""),
        ("ARG X\nFROM a$X", ""),
        ("ARG LONG\nFROM a$LNOG", "UndefinedArgInFrom \"a$LNOG\""),
        ("FROM a\nLABEL x=$LNAG", "UndefinedVar \"x=$LNAG\""),
        ("FROM a\nARG X\nLABEL x=$X", ""),
        ("FROM a\nENV X 1", "LegacyKeyValueFormat \"ENV X 1\""),
        ("FROM a\nENV X=1 \\\n\n Y=2", "NoEmptyContinuation \"\""),
        ("FROM a\nCMD x", "JSONArgsRecommended \"CMD x\""),
        (
            "FROM a\nCMD [\"x\"]\nCMD [\"y\"]",
            "MultipleInstructionsDisallowed \"CMD [\\\"x\\\"]\"",
        ),
        ("FROM a\nWORKDIR x\nWORKDIR y", "WorkdirRelativePath \"x\""),
        ("FROM a\nWORKDIR /x\nWORKDIR y", ""),
        (
            "FROM a\nENV DB_PASSWORD=1",
            "SecretsUsedInArgOrEnv \"ENV DB_PASSWORD=1\"",
        ),
        ("FROM a\nENV PUBLIC_KEY=1", ""),
        ("FROM a\nEXPOSE 80/TCP", "ExposeProtoCasing \"80/TCP\""),
        (
            "FROM a\nEXPOSE 127.0.0.1:81:80",
            "ExposeInvalidFormat \"127.0.0.1:81:80\"",
        ),
        (
            "FROM a\nMAINTAINER x",
            "MaintainerDeprecated \"MAINTAINER x\"",
        ),
        (
            "FROM --platform=$TARGETPLATFORM a",
            "RedundantTargetPlatform \"--platform=$TARGETPLATFORM\"",
        ),
        (
            "FROM --platform=${TARGETPLATFORM:-a/b}$X a",
            "UndefinedArgInFrom \"--platform=${TARGETPLATFORM:-a/b}$X\"",
        ),
        ("FROM --platform=$BUILDPLATFORM a", ""),
        (
            "FROM --platform=linux/amd64 a",
            "FromPlatformFlagConstDisallowed \"--platform=linux/amd64\"",
        ),
        ("FROM --platform=linux/amd64 a AS on-amd64", ""),
        (
            "FROM --platform=linux/arm64 a AS arm64",
            "InvalidBaseImagePlatform \"FROM --platform=linux/arm64 a AS arm64\"",
        ),
        (
            "FROM --platform=windows/amd64 scratch AS windows",
            "WindowsVersionMissing \"FROM --platform=windows/amd64 scratch AS windows\"",
        ),
        (
            "FROM --platform=windows(10.0.20348)/amd64 scratch AS windows",
            "",
        ),
        (
            "ARG GIVEN\nFROM a:$GIVEN",
            "InvalidDefaultArgInFrom \"a:$GIVEN\"",
        ),
        ("ARG X=1\nFROM a:$X", ""),
        ("# check=skip=JsonArgsRecommended\nFROM a\nCMD x", ""),
        ("# check=skip=all\nFROM a as B\nCMD x", ""),
    ] {
        assert_eq!(warnings(text).join(", "), expected, "{text}");
    }
    check_error("# check=error=true\nFROM a\nCMD x", "there are");
    // Our own checks stop nothing.
    check("# check=error=true\nFROM a\nONBUILD COPPY", "#0 image a");
}

#[test]
fn unused_build_arguments_are_warned_about() {
    let mut options = Options::new(platform("linux/amd64"));
    for name in [
        "https_proxy",
        "TARGETARCH",
        "SOURCE_DATE_EPOCH",
        "USED",
        "UNSUED",
    ] {
        options.build_args.insert(name.to_owned(), "1".to_owned());
    }
    let plan = plan("ARG USED\nFROM scratch\nARG UNUSED", &options).expect("valid");
    let shown: Vec<&str> = plan.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(
        shown,
        ["the build argument UNSUED is not used: no ARG declares it"]
    );
    assert_eq!(
        plan.warnings[0].help.as_deref(),
        Some("did you mean UNUSED?")
    );
}

#[test]
fn windows_from_scratch_names_the_flag() {
    let text = "FROM --platform=windows/amd64 scratch";
    let plan = plan(text, &options()).expect(text);
    let help = plan
        .warnings
        .iter()
        .find_map(|warning| warning.help.as_deref());
    let expected = "name the version: --platform windows(10.0.20348)/amd64";
    assert_eq!(help, Some(expected));
}

#[test]
fn what_is_odd_for_windows() {
    for (text, expected) in [
        ("ENV Path=C:/app", "WindowsPathVariable \"ENV Path=C:/app\""),
        ("ENV PATH=C:\\\\Windows\\\\System32;C:\\\\app", ""),
        ("ENV PATH=c:/windows/system32\nENV PATH=x", ""),
        ("WORKDIR /a./b", "WindowsInvalidName \"/a./b\""),
        ("WORKDIR C:/ok/.hidden/a.b", ""),
        ("COPY a C:/aux/", "WindowsInvalidName \"C:/aux/\""),
        ("COPY a what?", "WindowsInvalidName \"what?\""),
        ("COPY a nul.tar.gz", "WindowsInvalidName \"nul.tar.gz\""),
        ("COPY a com10", ""),
        ("COPY a LPT³", "WindowsInvalidName \"LPT³\""),
        ("COPY nul a", ""),
        (
            "ADD https://x/con /a/",
            "WindowsInvalidName \"ADD https://x/con /a/\"",
        ),
        (
            "COPY <<com1 <<B /a/\ncom1\nB",
            "WindowsInvalidName \"COPY <<com1 <<B /a/\"",
        ),
        ("COPY <<com1 /a\ncom1", ""),
        ("COPY <<ä <<Ä /a/\nä\nÄ", "CaseClash \"COPY <<ä <<Ä /a/\""),
        (
            "COPY x/Read.me y/README y/read.ME /a/",
            "CaseClash \"COPY x/Read.me y/README y/read.ME /a/\"",
        ),
        ("COPY x/Lib y/lib x/*.c /a/", ""),
        (
            "CMD [\"/bin/sh\", \"x\"]",
            "ForeignProgram \"\\\"/bin/sh\\\"\"",
        ),
        (
            "SHELL [\"/usr/bin/bash\"]",
            "ForeignProgram \"\\\"/usr/bin/bash\\\"\"",
        ),
        (
            "ENTRYPOINT [\"run.SH\"]",
            "ForeignProgram \"\\\"run.SH\\\"\"",
        ),
        (
            "HEALTHCHECK CMD [\"/bin/true\"]",
            "ForeignProgram \"\\\"/bin/true\\\"\"",
        ),
        ("CMD [\"powershell\"]", ""),
    ] {
        let head = "FROM --platform=windows(10.0.1)/amd64 scratch AS windows\n";
        assert_eq!(
            warnings(&format!("{head}{text}")).join(", "),
            expected,
            "{text}"
        );
    }
    for (text, expected) in [
        ("ENV PATH=/x", ""),
        ("WORKDIR /a./nul", ""),
        ("COPY <<ä <<Ä /a/\nä\nÄ", ""),
        (
            "CMD [\"powershell\", \"-c\"]",
            "ForeignProgram \"\\\"powershell\\\"\"",
        ),
        (
            "CMD [\"C:\\\\x.exe\"]",
            "ForeignProgram \"\\\"C:\\\\\\\\x.exe\\\"\"",
        ),
        (
            "SHELL [\"cmd\", \"/S\", \"/C\"]",
            "ForeignProgram \"\\\"cmd\\\"\"",
        ),
        ("CMD [\"/bin/sh\"]", ""),
    ] {
        assert_eq!(
            warnings(&format!("FROM scratch\n{text}")).join(", "),
            expected,
            "{text}"
        );
    }
}
