use super::*;

#[track_caller]
fn check(text: &str, expected: Option<(LayerCompression, bool)>) {
    let found = LayerMediaType::parse(text).map(|layer| (layer.compression, layer.distributable));
    assert_eq!(found, expected, "{text}");
}

#[test]
fn layer_media_types() {
    use LayerCompression::{Gzip, None as Plain, Zstd};
    let oci = "application/vnd.oci.image.layer";
    let docker = "application/vnd.docker.image.rootfs";
    check(&format!("{oci}.v1.tar"), Some((Plain, true)));
    check(&format!("{oci}.v1.tar+gzip"), Some((Gzip, true)));
    check(&format!("{oci}.v1.tar+zstd"), Some((Zstd, true)));
    check(
        &format!("{oci}.nondistributable.v1.tar+gzip"),
        Some((Gzip, false)),
    );
    check(&format!("{docker}.diff.tar.gzip"), Some((Gzip, true)));
    check(
        &format!("{docker}.foreign.diff.tar.gzip"),
        Some((Gzip, false)),
    );
    check(
        &format!("{oci}.v1.tar+GZIP; charset=utf-8"),
        Some((Gzip, true)),
    );
    check(&format!("{oci}.v1.tar+lzma"), None);
    check("application/vnd.oci.image.config.v1+json", None);
    check("application/vnd.in-toto+json", None);
    check("", None);
}

#[test]
fn names_round_trip() {
    for (media_type, name) in NAMES {
        assert_eq!(MediaType::parse(name), Some(media_type));
        assert_eq!(media_type.as_str(), name);
    }
}

#[test]
fn new_layers_have_oci_names() {
    for compression in [NONE, GZIP, ZSTD] {
        let layer = LayerMediaType::parse(oci_layer_media_type(compression)).unwrap();
        assert_eq!(layer.compression, compression);
        assert!(layer.distributable);
    }
}
