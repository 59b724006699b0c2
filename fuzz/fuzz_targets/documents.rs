//! Manifests, indexes and configs from strangers.
#![no_main]

use crossdock_image::{Config, Document, Index, Platform, select};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Document::parse(bytes, None) {
        assert_eq!(document.raw(), bytes, "a document keeps its bytes");
        match &document {
            Document::Manifest(manifest) => {
                let hinted = Document::parse(bytes, Some(manifest.media_type()));
                assert_eq!(hinted.ok().as_ref(), Some(&document));
            }
            Document::Index(index) => {
                let hinted = Document::parse(bytes, Some(index.media_type()));
                assert_eq!(hinted.ok().as_ref(), Some(&document));
                select_and_rewrite(index);
            }
        }
    }
    if let Ok(config) = Config::parse(bytes) {
        let written = config.to_bytes();
        let again = Config::parse(&written).expect("what was written is valid");
        assert_eq!(again, config, "a config is written without loss");
        assert_eq!(again.to_bytes(), written);
        let platform = config.platform();
        let _ = platform.to_string().parse::<Platform>();
    }
});

/// What is chosen is in the index, and an index made of the same entries says the same.
fn select_and_rewrite(index: &Index) {
    let mut wanted = vec![
        Platform::new("linux", "amd64"),
        Platform::new("windows", "amd64"),
    ];
    wanted.extend(
        index
            .manifests()
            .iter()
            .filter_map(|entry| entry.platform.clone()),
    );
    for wanted in wanted.iter().take(8) {
        match select(index, wanted) {
            Ok(chosen) => assert!(index.manifests().contains(chosen)),
            Err(error) => drop(error.to_string()),
        }
    }
    let made = Index::new(index.manifests().to_vec(), index.annotations().clone());
    if let Ok(Document::Index(again)) = Document::parse(made.raw(), None) {
        assert_eq!(again.manifests(), index.manifests());
        assert_eq!(again.annotations(), index.annotations());
    }
}
