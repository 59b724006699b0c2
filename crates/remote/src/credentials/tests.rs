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

fn login(username: &str, password: &str, identity_token: Option<&str>) -> Login {
    Login {
        username: username.to_owned(),
        password: Secret::new(password),
        identity_token: identity_token.map(Secret::new),
    }
}

/// What the file holds after a login of `user` with the password `p`, or with an identity token,
/// or after the logout.
#[derive(Clone, Copy)]
enum Change<'a> {
    Password(&'a str),
    Token(&'a str),
    ByHelper(&'a str),
    Logout(&'a str),
}

#[track_caller]
fn check_change(before: &str, change: Change<'_>, expected: &str) {
    let path = Path::new("config.json");
    let file = CredentialFile::parse(path, before.as_bytes()).unwrap();
    let after = match change {
        Change::Password(host) => file.with_login(host, Some(&login("user", "p", None))),
        Change::Token(host) => file.with_login(host, Some(&login("user", "p", Some("t")))),
        Change::ByHelper(host) => file.with_login(host, None),
        Change::Logout(host) => file.without_login(host),
    };
    let text = String::from_utf8(after.to_bytes()).unwrap();
    assert_eq!(text, expected, "{before}");
    let again = CredentialFile::parse(path, text.as_bytes()).unwrap();
    assert_eq!(again.to_bytes(), after.to_bytes());
    let (host, found) = match change {
        Change::Password(host) => (host, basic("user", "p")),
        Change::Token(host) => (host, Some(Credentials::IdentityToken(Secret::new("t")))),
        Change::ByHelper(host) | Change::Logout(host) => (host, None),
    };
    for file in [after, again] {
        assert_eq!(file.credentials(host, None).unwrap(), found, "{text}");
    }
}

#[test]
fn files_that_docker_would_write() {
    use Change::{ByHelper, Logout, Password, Token};
    let one = "{\n\t\"auths\": {\n\t\t\"a.io\": {\n\t\t\t\"auth\": \"dXNlcjpw\"\n\t\t}\n\t}\n}\n";
    let hub = one.replace("a.io", "https://index.docker.io/v1/");
    let none = "{\n\t\"auths\": {}\n}\n";
    check_change("", Password("a.io"), one);
    check_change("{\"auths\": null}", Password("a.io"), one);
    check_change(one, Password("a.io"), one);
    check_change(one, Logout("a.io"), none);
    check_change("", Password("docker.io"), &hub);
    check_change(&hub, Logout("docker.io"), none);
    // All names of one registry are one.
    let names = r#"{"auths": {"docker.io": {"auth": "eDp5"}, "index.docker.io": null}}"#;
    check_change(names, Password("docker.io"), &hub);
    check_change(names, Logout("docker.io"), none);
    let old = r#"{"auths": {"https://a.io/v1/": {"auth": "eDp5"}, "http://a.io": {}}}"#;
    check_change(old, Password("a.io"), one);
    check_change(old, Logout("a.io"), none);
    // The user name beside an identity token: podman skips entries without `auth`.
    let token = "{\n\t\"auths\": {\n\t\t\"a.io\": {\n\t\t\t\"auth\": \"dXNlcjo=\",\n\t\t\t\
                 \"identitytoken\": \"t\"\n\t\t}\n\t}\n}\n";
    check_change(one, Token("a.io"), token);
    check_change(token, Password("a.io"), one);
    let empty = "{\n\t\"auths\": {\n\t\t\"a.io\": {}\n\t}\n}\n";
    check_change(one, ByHelper("a.io"), empty);
    check_change("{}", ByHelper("a.io"), empty);
    check_change("{}", Logout("a.io"), "{}\n");
}

#[test]
fn what_is_not_ours_stays() {
    let before = r#"{"z": 1.50, "HttpHeaders": {"b":"1", "a" : "2"}, "auths": {
        "b.io/team": {"auth": "eDp5", "new": [1]}, "a.io": {"password": "q", "email": "e@x", "username": "x"},
        "c.io": {"auth": "!!"}}, "a": null, "big": 123456789012345678901234567890, "z": "again"}"#;
    let after = r#"{
	"z": "again",
	"HttpHeaders": {"b":"1", "a" : "2"},
	"auths": {
		"b.io/team": {"auth": "eDp5", "new": [1]},
		"a.io": {
			"auth": "dXNlcjpw",
			"email": "e@x"
		},
		"c.io": {"auth": "!!"}
	},
	"a": null,
	"big": 123456789012345678901234567890
}
"#;
    check_change(before, Change::Password("a.io"), after);
    // An entry for a part of a registry is another one.
    let file = CredentialFile::parse(Path::new("x"), before.as_bytes()).unwrap();
    let same = file.without_login("b.io");
    assert_eq!(same.to_bytes(), file.to_bytes());
}

#[test]
fn logins_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let environment = |variables| environment(folder.path(), variables);
    let user = login("user", "hunter2", None);
    let check = |variables, path: &str| {
        let environment = environment(variables);
        let path = folder.path().join(path);
        let kept = store_login(&environment, "a.io", &user).unwrap();
        assert_eq!(kept, Kept::File { path: path.clone() });
        let found = find_credentials(&environment, "a.io", None).unwrap();
        assert_eq!(found, basic("user", "hunter2"), "{}", path.display());
        assert_eq!(erase_login(&environment, "a.io").unwrap().from, [kept]);
        assert_eq!(find_credentials(&environment, "a.io", None).unwrap(), None);
        assert_eq!(erase_login(&environment, "a.io").unwrap().from, []);
        let names = fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(names.count(), 1, "nothing else is left");
    };
    check(&[][..], ".docker/config.json");
    check(&[("DOCKER_CONFIG", "@/new/one")], "new/one/config.json");
    let both = [
        ("REGISTRY_AUTH_FILE", "@/x/auth.json"),
        ("DOCKER_CONFIG", "@/y"),
    ];
    check(&both, "x/auth.json");
    let podman = "c/containers/auth.json";
    write(
        folder.path().join(podman),
        r#"{"auths": {"a.io": {"auth": "eDp5"}}}"#,
    );
    let variables = [("XDG_CONFIG_HOME", "@/c")];
    let erased = erase_login(&environment(&variables), "a.io").unwrap();
    assert_eq!(erased.from, []);
    assert_eq!(erased.remaining, Some(folder.path().join(podman)));
}

#[test]
fn logins_that_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let check = |environment: &Environment, login: &Login, expected: &str| {
        let error = store_login(environment, "a.io", login).unwrap_err();
        let shown = format!("{error} {error:?} {login:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    };
    let user = login("user", "hunter2", Some("hunter2"));
    check(&Environment::default(), &user, "DOCKER_CONFIG");
    let home = environment(folder.path(), &[]);
    check(&home, &login("", "hunter2", None), "user name");
    check(&home, &login("a:b", "hunter2", None), "user name");
    let path = folder.path().join(".docker/config.json");
    for broken in [
        "[]",
        "{",
        "{\"auths\": \"hunter2\"}",
        "{\"auths\": {\"a.io\": 1}}",
    ] {
        write(path.clone(), broken);
        check(&home, &user, "line 1");
        erase_login(&home, "a.io").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    }
    write(path.clone(), "{\"credsStore\": \"missing\"}");
    check(&home, &user, "docker-credential-missing");
    // A folder stands in the file's place.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    store_login(&home, "a.io", &user).unwrap_err();
}
