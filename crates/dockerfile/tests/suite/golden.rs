//! Whole Dockerfiles and their plans. `CROSSDOCK_BLESS=1` writes the plans anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossdock_dockerfile::{
    Dockerfile, IgnorePatterns, NamedContext, Options, Source, check_file, outline, targets,
};

use crate::lower::{plan, platform};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn dockerfile(name: &str) -> String {
    let path = folder().join(format!("{name}.Dockerfile"));
    let text = std::fs::read_to_string(&path).expect("the Dockerfile");
    text.replace("\r\n", "\n")
}

fn options(asked: &str) -> Options {
    let mut options = Options::new(platform(asked));
    options.build_platform = platform("linux/amd64");
    options
        .build_args
        .insert("VERSION".to_owned(), "2.1".to_owned());
    options
}

fn compare(file: &str, shown: &str) {
    let expected = folder().join(file);
    if std::env::var_os("CROSSDOCK_BLESS").is_some() {
        std::fs::write(&expected, shown).expect("the plan is written");
    }
    let golden = std::fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(shown, golden.replace("\r\n", "\n"), "{file}");
}

/// The operations, history, config and warnings of a Dockerfile.
fn shown(name: &str, options: &Options) -> String {
    let text = dockerfile(name);
    let plan = plan(&text, options).expect(name);
    let source = Source::new("Dockerfile", text.as_bytes());
    let warnings: String = plan.warnings.iter().map(|w| w.render(&source)).collect();
    let config = serde_json::to_string_pretty(&plan.target.config).expect("JSON");
    format!("{}\n{}\n{config}\n\n{warnings}", plan.graph, plan.target)
}

fn check(name: &str, asked: &str) {
    let shown = shown(name, &options(asked));
    compare(&format!("{name}.plan"), &shown);
}

#[test]
fn cross_system_copies() {
    check("cross-system", "windows(10.0.20348)/amd64");
}

#[test]
fn everything() {
    check("everything", "linux/arm64");
}

#[test]
fn on_linux() {
    for name in [
        "service", "node", "heredocs", "remote", "nginx", "java", "onbuild",
    ] {
        check(name, "linux/amd64");
    }
    check("go", "linux/arm/v7");
}

#[test]
fn on_windows() {
    check("dotnet", "windows(10.0.20348)/amd64");
}

#[test]
fn one_file_for_every_system() {
    let mut all = String::new();
    for asked in [
        "linux/arm64",
        "windows(10.0.17763)/amd64",
        "windows(10.0.26100)/amd64",
    ] {
        let shown = shown("every-system", &options(asked));
        all.push_str(&format!("=== {asked}\n{shown}"));
    }
    compare("every-system.plan", &all);
}

#[test]
fn with_named_contexts() {
    let mut options = options("linux/amd64");
    let image = |name: &str| NamedContext::Image(name.parse().expect("an image"));
    options.contexts = [
        ("build", NamedContext::Files),
        ("sources", NamedContext::Files),
        ("site", image("registry.example.org/site:4")),
        (
            "docker.io/library/busybox:stable",
            image("oci-layout://busybox"),
        ),
        ("other", NamedContext::Stage("assets".to_owned())),
    ]
    .map(|(name, context)| (name.to_owned(), context))
    .into();
    compare("contexts.plan", &shown("contexts", &options));
}

#[test]
fn calls() {
    let text = dockerfile("calls");
    let file = Dockerfile::parse("Dockerfile", text.as_bytes()).expect("valid");
    let mut options = options("linux/amd64");
    options.ignore = Some(IgnorePatterns::parse(b"*.txt").expect("patterns"));
    let nothing = BTreeMap::new();
    let report = check_file(&file, &options, &nothing);
    let targets = targets(&file);
    options.target = Some("debug".to_owned());
    let outline = outline(&file, &options, &nothing).expect("valid");
    compare(
        "calls.text",
        &format!(
            "=== check\n{}=== targets\n{}=== outline\n{}",
            report.to_text(),
            targets.to_text(),
            outline.to_text()
        ),
    );
    compare(
        "calls.json",
        &format!(
            "[\n{},\n{},\n{}\n]\n",
            report.to_json(),
            targets.to_json(),
            outline.to_json()
        ),
    );
}
