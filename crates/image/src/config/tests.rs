use super::*;

/// Parses a config and writes it again. `Err` holds a part of the error's text.
#[track_caller]
fn check(document: &str, expected: Result<&str, &str>) {
    match (Config::parse(document.as_bytes()), expected) {
        (Ok(config), Ok(expected)) => {
            let written = String::from_utf8(config.to_bytes()).unwrap();
            assert_eq!(written, expected);
            assert_eq!(Config::parse(written.as_bytes()).unwrap(), config);
        }
        (Err(error), Err(expected)) => {
            assert!(error.to_string().contains(expected), "{error}");
        }
        (found, expected) => panic!("{document}: {found:?}, expected {expected:?}"),
    }
}

const EMPTY: &str =
    r#"{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;

#[test]
fn nulls_of_go() {
    check("{}", Ok(EMPTY));
    check(
        r#"{"created":null,"author":null,"architecture":null,"variant":null,"os":null,
            "os.version":null,"os.features":null,"config":null,"rootfs":null,"history":null}"#,
        Ok(EMPTY),
    );
    check(
        r#"{"config":{"User":null,"ExposedPorts":null,"Env":null,"Entrypoint":null,"Cmd":null,
            "Healthcheck":null,"ArgsEscaped":null,"Volumes":null,"WorkingDir":null,"OnBuild":null,
            "Labels":null,"StopSignal":null,"StopTimeout":null,"Shell":null},
            "rootfs":{"diff_ids":null}}"#,
        Ok(EMPTY),
    );
    check(
        r#"{"history":[{"created":null,"created_by":null,"author":null,"comment":null,
            "empty_layer":null}],"config":{"Healthcheck":{"Test":null}}}"#,
        Ok(concat!(
            r#"{"architecture":"","os":"","config":{"Healthcheck":{}},"#,
            r#""rootfs":{"type":"layers","diff_ids":[]},"history":[{}]}"#
        )),
    );
}

#[test]
fn unknown_fields_survive() {
    let document = concat!(
        r#"{"created":"2023-11-14T22:13:20Z","architecture":"amd64","os":"windows","#,
        r#""os.version":"10.0.20348.1","os.features":["win32k"],"#,
        r#""config":{"Entrypoint":[],"Cmd":["a"],"#,
        r#""Healthcheck":{"Test":["NONE"],"Interval":30000000000},"ArgsEscaped":true,"#,
        r#""AttachStdin":false,"Hostname":"x"},"#,
        r#""rootfs":{"type":"layers","diff_ids":["#,
        r#""sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},"#,
        r#""history":[{"created_by":"COPY","empty_layer":true}],"#,
        r#""container":"0123","moby.buildkit.buildinfo.v1":{"b":1,"c":[2]}}"#
    );
    check(document, Ok(document));
    let config = Config::parse(document.as_bytes()).unwrap();
    assert_eq!(
        config.platform().to_string(),
        "windows(10.0.20348.1+win32k)/amd64"
    );
}

#[test]
fn what_is_refused() {
    check("", Err("not valid"));
    check("[]", Err("not valid"));
    check(r#"{"os":1}"#, Err("not valid"));
    check(r#"{"os":"a","os":"b"}"#, Err("duplicate field"));
    check(
        r#"{"rootfs":{"type":"layers","diff_ids":["x"]}}"#,
        Err("not valid"),
    );
    check(r#"{"rootfs":{"type":"tree"}}"#, Err("\"tree\""));
    let history = vec!["{}"; MAX_HISTORY + 1].join(",");
    check(
        &format!(r#"{{"history":[{history}]}}"#),
        Err("10001 history"),
    );
    let id = r#""sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#;
    let ids = vec![id; MAX_LAYERS + 1].join(",");
    check(
        &format!(r#"{{"rootfs":{{"diff_ids":[{ids}]}}}}"#),
        Err("1001 diff_ids"),
    );
    check(
        &" ".repeat(MAX_CONFIG_SIZE as usize + 1),
        Err("more than the 8388608"),
    );
}
