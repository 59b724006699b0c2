use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::arguments::{Arguments, Command};

/// The help as it is read: what changes in it is seen. `CROSSDOCK_BLESS=1` writes it anew.
#[test]
fn help() {
    let mut command = Arguments::command().term_width(100);
    command.build();
    let build = command.find_subcommand_mut("build").unwrap();
    let help = build.render_long_help().to_string();
    let lines = help.lines().map(|line| line.trim_end().to_owned() + "\n");
    let help: String = lines.collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/build-help.txt");
    if std::env::var_os("CROSSDOCK_BLESS").is_some() {
        std::fs::write(path, &help).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    assert_eq!(help, expected);
    let widest = help.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}");
}

fn parsed(arguments: &[&str]) -> Result<Build, String> {
    let line = ["crossdock", "build"].iter().chain(arguments).chain(&["."]);
    match Arguments::try_parse_from(line) {
        Ok(Arguments {
            command: Command::Build(build),
            ..
        }) => Ok(*build),
        Ok(_) => unreachable!("the command is build"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn calls() {
    let check = |arguments: &[&str], method: Option<CallMethod>, json, ignore_status| {
        let call = parsed(arguments).unwrap().call();
        let expected = method.map(|method| Call {
            method,
            json,
            ignore_status,
        });
        assert_eq!(call, expected, "{arguments:?}");
    };
    check(&[], None, false, false);
    check(&["--call=build"], None, false, false);
    check(&["--call", ""], None, false, false);
    check(&["--check"], Some(CallMethod::Check), false, false);
    check(&["--call=check"], Some(CallMethod::Check), false, false);
    check(
        &["--call", "lint,format=json"],
        Some(CallMethod::Check),
        true,
        false,
    );
    check(
        &["--call", "format=json,outline"],
        Some(CallMethod::Outline),
        true,
        false,
    );
    check(
        &["--call", "targets,format=text"],
        Some(CallMethod::Targets),
        false,
        false,
    );
    check(
        &["--call", "check,ignorestatus=1,format=json"],
        Some(CallMethod::Check),
        true,
        true,
    );
    for (text, part) in [
        ("chekc", "there are build, check, outline and targets"),
        ("check,outline", "two methods"),
        ("check,format=xml", "format is json or text"),
        ("check,ignorestatus=maybe", "ignorestatus is true or false"),
        ("check,colour=red", "\"colour\" is unknown"),
    ] {
        let error = parsed(&["--call", text]).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    assert!(parsed(&["--check", "--call=outline"]).is_err());
}

#[test]
fn options_of_docker() {
    let check = |arguments: &[&str], refused: Option<&str>| {
        let result = parsed(arguments).unwrap().for_docker.refuse();
        let text = result.map_err(|failure| failure.text().to_owned()).err();
        match refused {
            None => assert_eq!(text, None),
            Some(part) => assert!(
                text.as_deref().is_some_and(|text| text.contains(part)),
                "{text:?}"
            ),
        }
    };
    for off in [
        "--provenance=false",
        "--sbom=0",
        "--sbom=none",
        "--attest=type=sbom,disabled=true",
    ] {
        check(&[off], None);
    }
    check(&["--provenance", "mode=max,disabled=1"], None);
    check(
        &["--provenance=mode=max"],
        Some("--provenance mode=max: attestations are not"),
    );
    check(&["--sbom=true"], Some("--sbom true: attestations"));
    check(
        &["--attest", "type=sbom"],
        Some("--attest type=sbom: attestations"),
    );
    check(&["--load"], Some("type=docker,dest=-"));
    check(
        &["--cache-from", "a/b"],
        Some("--cache-from a/b: caches elsewhere"),
    );
    check(
        &["--cache-to=type=inline"],
        Some("--cache-to type=inline: caches elsewhere"),
    );
    check(
        &["--secret", "id=a"],
        Some("--secret id=a: that is for RUN"),
    );
    check(&["--ssh=default"], Some("--ssh default: that is for RUN"));
}

#[test]
fn lists() {
    let build = parsed(&["--no-cache-filter=a,b", "--no-cache-filter", "c"]).unwrap();
    assert_eq!(build.no_cache_stages, ["a", "b", "c"]);
}
