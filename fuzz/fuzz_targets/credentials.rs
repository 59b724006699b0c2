//! docker's configuration: a login that is put into a file is found there, logging out takes it away, and nothing
//! else in the file changes.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use crossdock_image::Repository;
use crossdock_remote::{CredentialFile, Credentials, Login, Secret};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

/// Fields of a file, by their text.
type Fields = BTreeMap<String, Box<RawValue>>;

const HOSTS: [&str; 3] = ["docker.io", "quay.io", "localhost:5000"];

fuzz_target!(|bytes: &[u8]| {
    let Some(file) = read(bytes) else { return };
    assert_eq!(file.to_bytes(), read(&file.to_bytes()).unwrap().to_bytes());
    let repository: crossdock_image::Reference = "quay.io/team/app".parse().unwrap();
    let repository: &Repository = repository.repository();
    let _ = file.credentials("quay.io", Some(repository));
    let login = Login {
        username: "user".to_owned(),
        password: Secret::new("p:w"),
        identity_token: None,
    };
    let expected = Some(Credentials::Basic {
        username: login.username.clone(),
        password: login.password.clone(),
    });
    for host in HOSTS {
        let with = file.with_login(host, Some(&login));
        let without = with.without_login(host);
        for (changed, expected) in [(&with, &expected), (&without, &None)] {
            let again = read(&changed.to_bytes()).unwrap();
            assert_eq!(again.credentials(host, None).unwrap(), *expected);
            assert_eq!(changed.credentials(host, None).unwrap(), *expected);
            assert_eq!(again.helper(host, None), file.helper(host, None));
            assert_eq!(rest(&again), rest(&file));
            // Other hosts' entries are as they were, and as wrong.
            for other in HOSTS.into_iter().filter(|other| *other != host) {
                let now = again.credentials(other, None).ok();
                assert_eq!(now, file.credentials(other, None).ok(), "{other}");
            }
        }
    }
});

fn read(bytes: &[u8]) -> Option<CredentialFile> {
    CredentialFile::parse(Path::new("config.json"), bytes).ok()
}

/// What is in the file besides `auths`.
fn rest(file: &CredentialFile) -> Vec<(String, String)> {
    let fields: Fields = serde_json::from_slice(&file.to_bytes()).unwrap();
    let rest = fields.into_iter().filter(|(name, _)| name != "auths");
    rest.map(|(name, value)| (name, value.get().to_owned()))
        .collect()
}
