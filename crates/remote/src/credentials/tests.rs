use super::*;

const FILE: &str = r#"{
  "auths": {
    "https://index.docker.io/v1/": {"auth": "aHViOnNlY3JldDp3aXRoOmNvbG9u"},
    "quay.io": {"username": "quay", "password": "p"},
    "quay.io/team": {"auth": "dGVhbTpw"},
    "quay.io/team/app": {"identitytoken": "refresh", "auth": "eDp5"},
    "https://old.example/v2/": {"auth": "b2xkOnAAAA=="},
    "reg.example:5000": {"registrytoken": "bearer"},
    "empty.example": {},
    "null.example": null,
    "broken.example": {"auth": "bm9jb2xvbg=="},
    "notbase.example": {"auth": "!!"}
  },
  "credHelpers": null,
  "HttpHeaders": {"a": "b"}
}"#;

fn basic(username: &str, password: &str) -> Option<Credentials> {
    Some(Credentials::Basic {
        username: username.to_owned(),
        password: Secret::new(password),
    })
}

fn environment(folder: &Path, variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| {
        let value = value.replace('@', &folder.display().to_string());
        ((*name).to_owned(), value)
    };
    Environment::new(variables.iter().map(owned), Some(folder.to_owned()))
}

fn write(path: PathBuf, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn find(environment: &Environment, name: &str) -> Result<Option<Credentials>, CredentialError> {
    let reference: crossdock_image::Reference = name.parse().unwrap();
    let repository = reference.repository();
    find_credentials(environment, repository.host(), Some(repository))
}

#[test]
fn entries_of_dockers_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join(".docker/config.json"), FILE);
    let environment = environment(folder.path(), &[]);
    let check = |name: &str, expected: Option<Credentials>| {
        assert_eq!(find(&environment, name).unwrap(), expected, "{name}");
    };
    check("debian", basic("hub", "secret:with:colon"));
    check("quay.io/a", basic("quay", "p"));
    check("quay.io/teams/a", basic("quay", "p"));
    check("quay.io/team/a", basic("team", "p"));
    check("quay.io/team", basic("team", "p"));
    let token = Credentials::IdentityToken(Secret::new("refresh"));
    check("quay.io/team/app/a", Some(token));
    check("old.example/a", basic("old", "p"));
    let token = Credentials::RegistryToken(Secret::new("bearer"));
    check("reg.example:5000/a", Some(token));
    check("reg.example/a", None);
    check("empty.example/a", None);
    check("null.example/a", None);
    for name in ["broken.example/a", "notbase.example/a"] {
        let error = find(&environment, name).unwrap_err();
        assert!(matches!(error, CredentialError::Auth { .. }), "{error}");
    }
}

#[test]
fn order_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |user: &str, host: &str| {
        format!("{{\"auths\": {{\"{host}\": {{\"username\": \"{user}\"}}}}}}")
    };
    write(
        folder.path().join("d/config.json"),
        &entry("docker", "a.io"),
    );
    write(
        folder.path().join("r/containers/auth.json"),
        &entry("run", "b.io"),
    );
    write(
        folder.path().join("c/containers/auth.json"),
        &entry("config", "b.io"),
    );
    write(folder.path().join("x.json"), &entry("file", "c.io"));
    write(folder.path().join("e/config.json"), " \n");
    let variables = [
        ("DOCKER_CONFIG", "@/d"),
        ("XDG_RUNTIME_DIR", "@/r"),
        ("XDG_CONFIG_HOME", "@/c"),
        ("REGISTRY_AUTH_FILE", "@/x.json"),
    ];
    let all = environment(folder.path(), &variables);
    assert_eq!(find(&all, "c.io/a").unwrap(), basic("file", ""));
    assert_eq!(find(&all, "a.io/a").unwrap(), None);
    let three = environment(folder.path(), &variables[..3]);
    assert_eq!(find(&three, "a.io/a").unwrap(), basic("docker", ""));
    assert_eq!(find(&three, "b.io/a").unwrap(), basic("run", ""));
    assert_eq!(find(&three, "c.io/a").unwrap(), None);
    let config = environment(folder.path(), &variables[2..3]);
    assert_eq!(find(&config, "b.io/a").unwrap(), basic("config", ""));
    let empty = environment(folder.path(), &[("DOCKER_CONFIG", "@/e")]);
    assert_eq!(find(&empty, "a.io/a").unwrap(), None);
    assert_eq!(find(&Environment::default(), "a.io/a").unwrap(), None);
}

#[test]
fn errors_show_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{\"auths\": {\"a.io\": {\"auth\": {\"x\": \"hunter2\"}}}, \"auths\": \"hunter2\"}";
    write(folder.path().join(".docker/config.json"), text);
    let error = find(&environment(folder.path(), &[]), "a.io/a").unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "{error:?}"
    );
    let shown = format!("{:?}", basic("user", "hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// Helpers are programs: on other systems than Unix a test has none that it could write.
#[cfg(unix)]
mod helpers {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A helper that answers by what it is asked for.
    const HELPER: &str = r#"#!/bin/sh
read -r server
case "$1 $server" in
  "get https://index.docker.io/v1/") echo '{"ServerURL":"x","Username":"hub","Secret":"s"}';;
  "get token.io") echo '{"Username":"<token>","Secret":"refresh"}';;
  "get empty.io") echo '{"Username":"","Secret":""}';;
  "get bad.io") echo 'hunter2';;
  "get locked.io") printf 'keychain is locked\033[1m'; exit 1;;
  "get silent.io") exit 3;;
  *) echo 'credentials not found in native keychain'; exit 1;;
esac
"#;

    fn install(folder: &Path, name: &str) {
        let path = folder.join("bin").join(name);
        write(path.clone(), HELPER);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn answers() {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), "docker-credential-test");
        let config = r#"{"credsStore": "test", "credHelpers": {"other.io": "missing", "no.io": ""},
            "auths": {"plain.io": {"username": "plain"}}}"#;
        write(folder.path().join(".docker/config.json"), config);
        let path = std::env::var("PATH").unwrap_or_default();
        let variables = [("PATH", format!("@/bin:{path}"))];
        let variables = variables.each_ref().map(|(k, v)| (*k, v.as_str()));
        let environment = environment(folder.path(), &variables);
        assert_eq!(find(&environment, "debian").unwrap(), basic("hub", "s"));
        let token = Some(Credentials::IdentityToken(Secret::new("refresh")));
        assert_eq!(find(&environment, "token.io/a").unwrap(), token);
        for none in ["empty.io/a", "unknown.io/a", "no.io/a"] {
            assert_eq!(find(&environment, none).unwrap(), None, "{none}");
        }
        // What the helper does not know may be in the file.
        assert_eq!(
            find(&environment, "plain.io/a").unwrap(),
            basic("plain", "")
        );
        let error = |name| find(&environment, name).unwrap_err().to_string();
        assert!(error("locked.io/a").ends_with("keychain is locked[1m"));
        assert!(error("silent.io/a").contains("exit status: 3"));
        assert!(!error("bad.io/a").contains("hunter2"));
        assert!(error("other.io/a").contains("docker-credential-missing"));
    }

    #[test]
    fn names_are_no_paths() {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), "docker-credential-x");
        let config = r#"{"credsStore": "x/../docker-credential-x"}"#;
        write(folder.path().join(".docker/config.json"), config);
        let environment = environment(folder.path(), &[("PATH", "@/bin")]);
        let error = find(&environment, "a.io/a").unwrap_err();
        assert!(matches!(error, CredentialError::NoHelper { .. }), "{error}");
    }
}
