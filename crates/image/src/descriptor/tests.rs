use super::*;

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[track_caller]
fn check(input: &str, output: Option<&str>) {
    let input = input.replace("EMPTY", EMPTY);
    let found: Option<Descriptor> = serde_json::from_str(&input).ok();
    let found = found.map(|descriptor| serde_json::to_string(&descriptor).unwrap());
    assert_eq!(
        found,
        output.map(|text| text.replace("EMPTY", EMPTY)),
        "{input}"
    );
}

#[test]
fn fields_are_ordered_and_unknown_ones_survive() {
    check(
        r#"{"zeta":1,"size":0,"alpha":[null],"digest":"EMPTY","mediaType":"a/b",
            "platform":{"architecture":"amd64","os":"linux","os.features":null},
            "annotations":{"b":"2","a":"1"},"urls":null,"artifactType":"x/y","data":""}"#,
        Some(concat!(
            r#"{"mediaType":"a/b","digest":"EMPTY","size":0,"annotations":{"a":"1","b":"2"},"#,
            r#""platform":{"architecture":"amd64","os":"linux"},"artifactType":"x/y","#,
            r#""alpha":[null],"data":"","zeta":1}"#
        )),
    );
}

#[test]
fn sizes_and_digests_are_checked() {
    check(r#"{"mediaType":"a/b","digest":"EMPTY","size":-1}"#, None);
    check(r#"{"mediaType":"a/b","digest":"EMPTY","size":1.5}"#, None);
    check(r#"{"mediaType":"a/b","digest":"EMPTY","size":"1"}"#, None);
    check(r#"{"mediaType":"a/b","digest":"EMPTY"}"#, None);
    check(r#"{"mediaType":"a/b","digest":"sha256:00","size":1}"#, None);
    check(
        r#"{"mediaType":"a/b","digest":"sha256:../../../etc","size":1}"#,
        None,
    );
    check(
        r#"{"mediaType":"a/b","digest":"EMPTY","digest":"EMPTY","size":1}"#,
        None,
    );
}

#[test]
fn attestations() {
    let plain = Descriptor::of("a/b", b"");
    assert!(!plain.is_attestation());
    let unknown = Platform::new("unknown", "unknown");
    assert!(plain.clone().with_platform(unknown).is_attestation());
    let named = plain.with_annotation("vnd.docker.reference.type", "attestation-manifest");
    assert!(named.is_attestation());
}
