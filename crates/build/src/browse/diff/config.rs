//! What two image configs differ in.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_image::Config;
use serde_json::{Map, Value};

/// A field of the config that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The field: `os.version`, `user`, `env` and so on; `env`, `label`, `port`, `volume` and
    /// `healthcheck` have names beside.
    pub field: String,
    /// Which of several.
    pub name: Option<String>,
    /// The old value; `None` if there was none.
    pub from: Option<Value>,
    /// The new value; `None` if there is none.
    pub to: Option<Value>,
}

/// Compares everything but layers and history, which are told in another way.
pub(super) fn compare(old: &Config, new: &Config) -> Vec<ConfigChange> {
    let ignores_case = old.os == "windows" && new.os == "windows";
    let (mut old, mut new) = (fields(old, ignores_case), fields(new, ignores_case));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
    let mut changes = Vec::new();
    for key in keys {
        let (from, to) = (old.remove(&key), new.remove(&key));
        let value = |of: &Option<Named>| of.as_ref().map(|named| named.value.clone());
        let (from_value, to_value) = (value(&from), value(&to));
        if from_value != to_value {
            changes.push(ConfigChange {
                field: key.0,
                name: to.or(from).and_then(|named| named.name),
                from: from_value,
                to: to_value,
            });
        }
    }
    changes
}

/// A value and the name that it has among others.
struct Named {
    name: Option<String>,
    value: Value,
}

/// The fields of a config by field and name.
type Fields = BTreeMap<(String, String), Named>;

fn fields(config: &Config, ignores_case: bool) -> Fields {
    let mut fields = Fields::new();
    let Ok(Value::Object(document)) = serde_json::to_value(config) else {
        return fields;
    };
    for (key, value) in document {
        match (&*key, value) {
            ("rootfs" | "history", _) => {}
            ("config", Value::Object(container)) => {
                container_fields(container, ignores_case, &mut fields);
            }
            (_, value) => put(&mut fields, &key, None, value),
        }
    }
    fields
}

fn container_fields(container: Map<String, Value>, ignores_case: bool, fields: &mut Fields) {
    for (key, value) in container {
        let field = match &*key {
            "ArgsEscaped" => "args_escaped",
            "Cmd" => "cmd",
            "Entrypoint" => "entrypoint",
            "Env" => "env",
            "ExposedPorts" => "port",
            "Healthcheck" => "healthcheck",
            "Labels" => "label",
            "OnBuild" => "on_build",
            "Shell" => "shell",
            "StopSignal" => "stop_signal",
            "StopTimeout" => "stop_timeout",
            "User" => "user",
            "Volumes" => "volume",
            "WorkingDir" => "working_dir",
            other => other,
        };
        match (field, value) {
            ("env", Value::Array(variables)) => {
                for variable in variables {
                    let text = variable.as_str().unwrap_or_default();
                    let (name, value) = text.split_once('=').unwrap_or((text, ""));
                    let key = match ignores_case {
                        true => name.to_uppercase(),
                        false => name.to_owned(),
                    };
                    let named = Named {
                        name: Some(name.to_owned()),
                        value: value.into(),
                    };
                    // The last of several is what programs see.
                    fields.insert((field.to_owned(), key), named);
                }
            }
            ("port" | "label" | "volume" | "healthcheck", Value::Object(named)) => {
                for (name, value) in named {
                    put(fields, field, Some(name), value);
                }
            }
            (field, value) => put(fields, field, None, value),
        }
    }
}

fn put(fields: &mut Fields, field: &str, name: Option<String>, value: Value) {
    let key = (field.to_owned(), name.clone().unwrap_or_default());
    fields.insert(key, Named { name, value });
}
