//! docker's `config.json` and podman's `auth.json`, as values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossdock_image::Repository;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{CredentialError, Login, server_of};
use crate::secret::{Credentials, Secret};

/// A configuration file of docker or podman: what it says of credentials, and all else that is
/// in it, untouched.
///
/// Its `Debug` shows the path alone.
#[derive(Clone)]
pub struct CredentialFile {
    path: PathBuf,
    known: Known,
    /// All fields in their order, the known ones too.
    fields: Object,
}

/// The fields that are of use here.
#[derive(Clone, Deserialize, Default)]
struct Known {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(default, rename = "credsStore")]
    creds_store: Option<String>,
    #[serde(default, rename = "credHelpers")]
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Deserialize, Default)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
    #[serde(default)]
    registrytoken: Option<String>,
}

/// The fields of [`Entry`].
const SECRETS: [&str; 5] = [
    "auth",
    "username",
    "password",
    "identitytoken",
    "registrytoken",
];

/// A JSON object with the order of its fields and the text of their values. Of two fields with
/// one name the last counts.
#[derive(Clone, Default)]
struct Object(Vec<(String, Box<RawValue>)>);

impl CredentialFile {
    /// Reads the content of a file. White space alone is an empty configuration. `path` is for
    /// messages.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, CredentialError> {
        let bytes = match bytes.iter().all(u8::is_ascii_whitespace) {
            true => b"{}",
            false => bytes,
        };
        // The parser's own message may quote what it found.
        let failed = |error: serde_json::Error| CredentialError::Json {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        };
        // The object first: of a list serde would make the fields in turn.
        let fields = serde_json::from_slice(bytes).map_err(failed)?;
        let known = serde_json::from_slice(bytes).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            known,
            fields,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's content: JSON as docker writes it, with tabs. What was not changed is as it
    /// was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.fields.to_json(0);
        text.push('\n');
        text.into_bytes()
    }

    /// The name of the helper that keeps the credentials of `host`, or of a repository there.
    pub fn helper(&self, host: &str, repository: Option<&Repository>) -> Option<&str> {
        let keys = keys(host, repository.map(Repository::path));
        let helpers = self.known.cred_helpers.iter().flatten();
        let helper = most_specific(helpers, &keys).map(|(_, name)| name);
        let name = helper.or(self.known.creds_store.as_ref())?;
        (!name.is_empty()).then_some(name)
    }

    /// The credentials that the file itself holds for `host`, or for a repository there.
    pub fn credentials(
        &self,
        host: &str,
        repository: Option<&Repository>,
    ) -> Result<Option<Credentials>, CredentialError> {
        let keys = keys(host, repository.map(Repository::path));
        match most_specific(self.known.auths.iter().flatten(), &keys) {
            Some((key, Some(entry))) => entry.credentials(&self.path, key),
            _ => Ok(None),
        }
    }

    /// Whether there is an entry for `host`, and be it an empty one.
    pub(super) fn has_entry(&self, host: &str) -> bool {
        let keys = keys(host, None);
        let mut auths = self.known.auths.iter().flatten();
        auths.any(|(key, _)| keys.iter().any(|wanted| wanted == plain_key(key)))
    }

    /// The same with `login` as the entry for `host`, or with an entry without a secret: docker
    /// has such where a helper keeps the secret. Entries for the same host by another of its
    /// names go, as they might be found first; those for single repositories stay.
    pub fn with_login(&self, host: &str, login: Option<&Login>) -> Self {
        let server = server_of(host);
        let mut auths = self.without(host, Some(server));
        let mut entry = auths.object(server);
        entry
            .0
            .retain(|(name, _)| !SECRETS.contains(&name.as_str()));
        if let Some(login) = login {
            let password = match login.identity_token {
                Some(_) => "",
                None => login.password.reveal(),
            };
            let auth = STANDARD.encode(format!("{}:{password}", login.username));
            if let Some(token) = &login.identity_token {
                entry.0.insert(0, field("identitytoken", token.reveal()));
            }
            entry.0.insert(0, field("auth", &auth));
        }
        auths.set(server, &entry.to_json(2));
        self.with_auths(&auths)
    }

    /// The same without an entry for `host`. Those for single repositories stay.
    pub fn without_login(&self, host: &str) -> Self {
        if !self.has_entry(host) {
            return self.clone();
        }
        self.with_auths(&self.without(host, None))
    }

    /// `auths` without what stands for `host`, except for the entry `kept`.
    fn without(&self, host: &str, kept: Option<&str>) -> Object {
        let keys = keys(host, None);
        let mut auths = self.fields.object("auths");
        auths.0.retain(|(key, _)| {
            Some(key.as_str()) == kept || !keys.iter().any(|wanted| wanted == plain_key(key))
        });
        auths
    }

    fn with_auths(&self, auths: &Object) -> Self {
        let mut fields = self.fields.clone();
        let text = auths.to_json(1);
        fields.set("auths", &text);
        Self {
            path: self.path.clone(),
            known: Known {
                auths: serde_json::from_str(&text).unwrap_or_default(),
                ..self.known.clone()
            },
            fields,
        }
    }
}

impl fmt::Debug for CredentialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Object {
    /// The object that the field holds; an empty one if it is missing or `null`.
    fn object(&self, name: &str) -> Self {
        let mut fields = self.0.iter();
        fields
            .find(|(key, _)| key == name)
            .and_then(|(_, value)| serde_json::from_str(value.get()).ok())
            .unwrap_or_default()
    }

    /// Gives the field the value that `json` is, in its place or as the last.
    fn set(&mut self, name: &str, json: &str) {
        let Ok(value) = RawValue::from_string(json.to_owned()) else {
            return;
        };
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// JSON with one line for each field, `depth` tabs deep.
    fn to_json(&self, depth: usize) -> String {
        if self.0.is_empty() {
            return "{}".to_owned();
        }
        let indent = "\t".repeat(depth);
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{indent}\t{}: {}", json(name), value.get()))
            .collect();
        format!("{{\n{}\n{indent}}}", lines.join(",\n"))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut places: BTreeMap<String, usize> = BTreeMap::new();
                let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    match places.get(&name) {
                        Some(&at) => fields[at].1 = value,
                        None => {
                            places.insert(name.clone(), fields.len());
                            fields.push((name, value));
                        }
                    }
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A string as JSON.
fn json(text: &(impl Serialize + ?Sized)) -> String {
    raw(text).get().to_owned()
}

fn raw(text: &(impl Serialize + ?Sized)) -> Box<RawValue> {
    // Strings can always be written; `null` stands for what cannot be.
    to_raw_value(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn field(name: &str, value: &str) -> (String, Box<RawValue>) {
    (name.to_owned(), raw(value))
}

/// What an entry for the repository may be called, the most specific first.
fn keys(host: &str, path: Option<&str>) -> Vec<String> {
    let hosts: &[&str] = match host {
        "docker.io" => &["docker.io", "index.docker.io", "registry-1.docker.io"],
        _ => &[host],
    };
    let mut keys = Vec::new();
    let mut path = path;
    while let Some(some) = path {
        keys.extend(hosts.iter().map(|host| format!("{host}/{some}")));
        path = some.rsplit_once('/').map(|(parent, _)| parent);
    }
    keys.extend(hosts.iter().map(|host| (*host).to_owned()));
    keys
}

/// A key of a file without what docker once wrote around the host: `https://HOST/v1/`.
fn plain_key(key: &str) -> &str {
    let plain = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    match plain {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key.trim_end_matches('/'),
    }
}

/// The value whose key is the first of `keys` that any has. The whole spelling goes before the
/// one with `https://`.
fn most_specific<'a, T>(
    entries: impl Iterator<Item = (&'a String, &'a T)>,
    keys: &[String],
) -> Option<(&'a String, &'a T)> {
    entries
        .filter_map(|(key, value)| {
            let plain = plain_key(key);
            let at = keys.iter().position(|wanted| wanted == plain)?;
            Some(((at, plain != key), (key, value)))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, found)| found)
}

impl Entry {
    fn credentials(&self, path: &Path, key: &str) -> Result<Option<Credentials>, CredentialError> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.registrytoken) {
            return Ok(Some(Credentials::RegistryToken(Secret::new(token))));
        }
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Credentials::IdentityToken(Secret::new(token))));
        }
        if let Some(auth) = given(&self.auth) {
            let wrong = || CredentialError::Auth {
                path: path.to_owned(),
                key: key.to_owned(),
            };
            let bytes = STANDARD.decode(auth.trim()).map_err(|_| wrong())?;
            let text = String::from_utf8(bytes).map_err(|_| wrong())?;
            let (username, password) = text.split_once(':').ok_or_else(wrong)?;
            return Ok(Some(Credentials::Basic {
                username: username.to_owned(),
                // docker once padded with NULs, and still takes them off.
                password: Secret::new(password.trim_matches('\0')),
            }));
        }
        Ok(given(&self.username).map(|username| Credentials::Basic {
            username,
            password: Secret::new(self.password.clone().unwrap_or_default()),
        }))
    }
}
