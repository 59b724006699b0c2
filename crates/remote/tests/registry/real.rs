//! The same client against a real registry. `testkit/e2e/registry.sh` starts some and runs this
//! with the process's own environment.

use std::io::{self, Cursor, Read};
use std::path::PathBuf;

use crossdock_image::{Descriptor, Document, Manifest};
use crossdock_remote::{ManifestError, Mount, RequestError};

use super::*;

#[test]
#[ignore = "needs a registry: testkit/e2e/registry.sh"]
fn push_and_pull() {
    let host = std::env::var("CROSSDOCK_TEST_REGISTRY").expect("CROSSDOCK_TEST_REGISTRY");
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let environment = Environment::new(std::env::vars(), home);
    let config = RemoteConfig {
        chunk_size: 3 << 20,
        ..RemoteConfig::new(environment)
    };
    let client = Registry::new(config);
    let place = |path: &str| -> Reference { format!("{host}/{path}").parse().unwrap() };

    // Without a login, where one is needed.
    let stranger = Registry::new(RemoteConfig::new(Environment::new(
        std::env::vars().filter(|(name, _)| name == "SSL_CERT_FILE"),
        None,
    )));
    let error = stranger.resolve(&place("test/image:none")).unwrap_err();
    match (std::env::var("CROSSDOCK_TEST_LOGIN").is_ok(), &error) {
        (true, ManifestError::Request { source, .. }) => {
            assert!(
                matches!(**source, RequestError::Unauthorized { .. }),
                "{error}"
            );
        }
        (false, ManifestError::NotFound { .. }) => {}
        _ => panic!("{error}"),
    }

    client.ping(&host).unwrap();
    let image = place("test/image:one");
    let (small, large, empty) = (noise(100), noise(10_000_000), Vec::new());
    let mut descriptors = Vec::new();
    for bytes in [&small, &large, &empty] {
        let descriptor = Descriptor::of("application/vnd.oci.image.layer.v1.tar", bytes);
        let open = |offset: u64| -> io::Result<Box<dyn Read + Send>> {
            Ok(Box::new(Cursor::new(bytes[offset as usize..].to_vec())))
        };
        let repository = image.repository();
        client
            .push_blob(repository, &descriptor, None, &open)
            .unwrap();
        assert!(client.has_blob(repository, &descriptor).unwrap());
        descriptors.push(descriptor);
    }
    let config = descriptors[0].clone();
    let manifest = Manifest::new(config, descriptors.clone(), Default::default());
    let digest = client
        .push_manifest(&image, manifest.media_type(), manifest.raw())
        .unwrap();

    assert_eq!(client.resolve(&image).unwrap(), manifest.descriptor());
    let (found, bytes) = client.manifest(&image.pinned(digest)).unwrap();
    let document = Document::parse(&bytes, Some(&found.media_type)).unwrap();
    assert_eq!(document, Document::Manifest(manifest));
    for (descriptor, bytes) in descriptors.iter().zip([&small, &large, &empty]) {
        let mut read = Vec::new();
        let mut reader = client.blob(image.repository(), descriptor).unwrap();
        reader.read_to_end(&mut read).unwrap();
        assert!(read == *bytes);
    }
    let mut tail = Vec::new();
    let mut reader = client
        .blob_from(image.repository(), &descriptors[1], 9_999_000)
        .unwrap();
    reader.read_to_end(&mut tail).unwrap();
    assert_eq!(tail, large[9_999_000..]);

    let other = place("other/image");
    let mount = client
        .mount_blob(other.repository(), image.repository(), &descriptors[1])
        .unwrap();
    assert!(matches!(mount, Mount::Mounted), "{mount:?}");
    assert!(
        client
            .has_blob(other.repository(), &descriptors[1])
            .unwrap()
    );
    let error = client.manifest(&place("test/image:two")).unwrap_err();
    assert!(matches!(error, ManifestError::NotFound { .. }), "{error}");
}
