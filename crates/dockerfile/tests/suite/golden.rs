//! Whole Dockerfiles and their plans. `CROSSDOCK_BLESS=1` writes the plans anew.

use std::path::Path;

use crossdock_dockerfile::{Options, Source};

use crate::lower::{plan, platform};

fn check(name: &str, asked: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = folder.join(format!("{name}.Dockerfile"));
    let text = std::fs::read_to_string(&path).expect("the Dockerfile");
    let text = text.replace("\r\n", "\n");
    let mut options = Options::new(platform(asked));
    options
        .build_args
        .insert("VERSION".to_owned(), "2.1".to_owned());
    let plan = plan(&text, &options).expect(name);
    let source = Source::new("Dockerfile", text.as_bytes());
    let warnings: String = plan.warnings.iter().map(|w| w.render(&source)).collect();
    let config = serde_json::to_string_pretty(&plan.target.config).expect("JSON");
    let shown = format!("{}\n{}\n{config}\n\n{warnings}", plan.graph, plan.target);
    let expected = folder.join(format!("{name}.plan"));
    if std::env::var_os("CROSSDOCK_BLESS").is_some() {
        std::fs::write(&expected, &shown).expect("the plan is written");
    }
    let golden = std::fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(shown, golden.replace("\r\n", "\n"), "{name}");
}

#[test]
fn cross_system_copies() {
    check("cross-system", "windows(10.0.20348)/amd64");
}

#[test]
fn a_service() {
    check("service", "linux/amd64");
}

#[test]
fn everything() {
    check("everything", "linux/arm64");
}
