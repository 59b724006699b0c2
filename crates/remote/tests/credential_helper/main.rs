//! docker's credential helpers, which are programs: this one. Under the name `docker-credential-…`
//! it is a helper, so that the test needs no shell and runs on every system; under its own name
//! it runs the test, and answers as test programs do.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crossdock_remote::{
    CredentialError, Credentials, Environment, KeepError, Kept, Login, Secret, erase_login,
    find_credentials, store_login,
};

fn main() -> ExitCode {
    let program = std::env::current_exe().unwrap();
    let name = program.file_stem().unwrap().to_string_lossy().into_owned();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if name.starts_with("docker-credential-") {
        return help(program.parent().unwrap(), &arguments);
    }
    run_tests(&arguments)
}

const TESTS: [(&str, fn()); 6] = [
    ("answers", answers),
    ("logins", logins),
    ("refusals", refusals),
    ("names_are_no_paths", names_are_no_paths),
    ("scripts", scripts),
    ("folders_of_the_path", folders_of_the_path),
];

/// As much of a test program as `cargo test` and nextest ask for.
fn run_tests(arguments: &[String]) -> ExitCode {
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| {
        let fits = |filter: &&String| match has("--exact") {
            true => name == *filter,
            false => name.contains(filter.as_str()),
        };
        !has("--ignored") && (filters.is_empty() || filters.iter().any(fits))
    };
    let wanted = TESTS.iter().filter(|(name, _)| is_wanted(name));
    if has("--list") {
        wanted.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let mut passed = 0;
    for (name, test) in wanted {
        // A failed one ends the program with its message.
        test();
        println!("test {name} ... ok");
        passed += 1;
    }
    println!("test result: ok. {passed} passed; 0 failed; 0 ignored");
    ExitCode::SUCCESS
}

/// The helper: answers by what it is asked for, and writes down what it is given.
fn help(folder: &Path, arguments: &[String]) -> ExitCode {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    let verb = arguments.join(" ");
    if verb != "get" {
        fs::write(folder.join(&verb), &input).unwrap();
    }
    let kept = fs::read_to_string(folder.join("store")).unwrap_or_default();
    let (text, code) = match (verb.as_str(), input.as_str()) {
        ("get", "https://index.docker.io/v1/") => {
            (r#"{"ServerURL":"x","Username":"hub","Secret":"s"}"#, 0)
        }
        // As helpers on Windows write it.
        ("get", "crlf.io") => ("{\r\n\"Username\":\"u\",\r\n\"Secret\":\"s\"}\r\n", 0),
        ("get", "nothing-crlf.io") => ("credentials not found in native keychain\r\n", 1),
        ("get", "locked-crlf.io") => ("keychain is locked\r\n", 1),
        ("get", "token.io") => (r#"{"Username":"<token>","Secret":"refresh"}"#, 0),
        ("get", "empty.io") => (r#"{"Username":"","Secret":""}"#, 0),
        ("get", "bad.io") => ("hunter2", 0),
        ("get", "locked.io") => ("keychain is locked\u{1b}[1m", 1),
        ("get", "silent.io") => ("", 3),
        ("get", "kept.io") => (kept.as_str(), 0),
        ("store", text) if text.contains("echo.io") => (text, 1),
        ("store", text) if text.contains("full.io") => ("there is no room", 1),
        ("store", _) | ("erase", "kept.io") => ("", 0),
        _ => ("credentials not found in native keychain", 1),
    };
    print!("{text}");
    ExitCode::from(code)
}

/// A user's folder with a configuration, and helpers in `bin` beside it.
struct Home(tempfile::TempDir);

impl Home {
    fn new(config: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.path("bin")).unwrap();
        fs::create_dir_all(home.path(".docker")).unwrap();
        fs::write(home.path(".docker/config.json"), config).unwrap();
        let program = format!("docker-credential-test{}", std::env::consts::EXE_SUFFIX);
        let this = std::env::current_exe().unwrap();
        fs::copy(this, home.path("bin").join(program)).unwrap();
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn config(&self) -> String {
        fs::read_to_string(self.path(".docker/config.json")).unwrap()
    }

    fn environment(&self) -> Environment {
        let bin = self.path("bin").display().to_string();
        Environment::new([("PATH".to_owned(), bin)], Some(self.0.path().to_owned()))
    }

    fn find(&self, host: &str) -> Result<Option<Credentials>, CredentialError> {
        find_credentials(&self.environment(), host, None)
    }
}

fn basic(username: &str, password: &str) -> Option<Credentials> {
    Some(Credentials::Basic {
        username: username.to_owned(),
        password: Secret::new(password),
    })
}

fn login(password: &str, identity_token: Option<&str>) -> Login {
    Login {
        username: "user".to_owned(),
        password: Secret::new(password),
        identity_token: identity_token.map(Secret::new),
    }
}

fn answers() {
    let home = Home::new(
        r#"{"credsStore": "test", "credHelpers": {"other.io": "missing", "no.io": ""},
        "auths": {"plain.io": {"username": "plain"}}}"#,
    );
    let token = Some(Credentials::IdentityToken(Secret::new("refresh")));
    for (host, expected) in [
        ("docker.io", basic("hub", "s")),
        ("token.io", token),
        ("empty.io", None),
        ("crlf.io", basic("u", "s")),
        ("nothing-crlf.io", None),
        ("unknown.io", None),
        ("no.io", None),
        // What the helper does not know may be in the file.
        ("plain.io", basic("plain", "")),
    ] {
        assert_eq!(home.find(host).unwrap(), expected, "{host}");
    }
    let error = |host| home.find(host).unwrap_err().to_string();
    assert!(error("locked.io").ends_with("keychain is locked[1m"));
    assert!(error("locked-crlf.io").ends_with("keychain is locked"));
    assert!(error("silent.io").contains("3"));
    assert!(!error("bad.io").contains("hunter2"));
    assert!(error("other.io").contains("docker-credential-missing"));
}

fn logins() {
    let home =
        Home::new(r#"{"x": 1, "credsStore": "test", "auths": {"kept.io": {"auth": "eDp5"}}}"#);
    let environment = home.environment();
    let by_helper = Kept::Helper {
        program: "docker-credential-test".to_owned(),
    };
    let kept = store_login(&environment, "kept.io", &login("p\"w", None)).unwrap();
    assert_eq!(kept, by_helper);
    let given = fs::read_to_string(home.path("bin/store")).unwrap();
    let expected = r#"{"ServerURL":"kept.io","Username":"user","Secret":"p\"w"}"#;
    assert_eq!(given, expected);
    // The old secret is gone from the file, and the entry is there, as docker wants it.
    let empty = "{\n\t\"x\": 1,\n\t\"credsStore\": \"test\",\n\t\"auths\": {\n\t\t\"kept.io\": {}\n\t}\n}\n";
    assert_eq!(home.config(), empty);
    assert_eq!(home.find("kept.io").unwrap(), basic("user", "p\"w"));

    store_login(&environment, "kept.io", &login("p", Some("t"))).unwrap();
    let token = Some(Credentials::IdentityToken(Secret::new("t")));
    assert_eq!(home.find("kept.io").unwrap(), token);
    let given = fs::read_to_string(home.path("bin/store")).unwrap();
    assert!(
        given.contains("<token>") && !given.contains("\"p\""),
        "{given}"
    );

    let erased = erase_login(&environment, "kept.io").unwrap();
    assert_eq!(erased.from, [by_helper]);
    assert_eq!(
        fs::read_to_string(home.path("bin/erase")).unwrap(),
        "kept.io"
    );
    assert!(home.config().contains("\"auths\": {}"), "{}", home.config());
    let erased = erase_login(&environment, "unknown.io").unwrap();
    assert_eq!(erased.from, []);
    store_login(&environment, "docker.io", &login("p", None)).unwrap();
    let given = fs::read_to_string(home.path("bin/store")).unwrap();
    assert!(given.contains("\"https://index.docker.io/v1/\""), "{given}");
}

fn refusals() {
    let config = r#"{"credsStore": "test"}"#;
    let home = Home::new(config);
    let refused = |host, expected: &str| {
        let error = store_login(&home.environment(), host, &login("hunter2", None)).unwrap_err();
        assert!(matches!(error, KeepError::Credentials(_)), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains(expected) && !shown.contains("hunter2"),
            "{shown}"
        );
    };
    refused("full.io", "there is no room");
    refused("echo.io", "docker-credential-test");
    assert_eq!(home.config(), config);
}

fn names_are_no_paths() {
    let home = Home::new(r#"{"credsStore": "x/../docker-credential-test"}"#);
    let error = home.find("a.io").unwrap_err();
    assert!(matches!(error, CredentialError::NoHelper { .. }), "{error}");
}

/// On Windows a helper may be a script, and `PATHEXT` says which endings programs have. Elsewhere
/// there are no endings, and a file with one is another program.
fn scripts() {
    let home = Home::new(r#"{"credsStore": "script"}"#);
    let script = "@echo off\r\necho {\"Username\":\"by-%1\",\"Secret\":\"s\"}\r\n";
    fs::write(home.path("bin/docker-credential-script.cmd"), script).unwrap();
    let with = |endings: Option<&str>| {
        let bin = home.path("bin").display().to_string();
        let mut variables = vec![("PATH".to_owned(), bin)];
        variables.extend(endings.map(|endings| ("PATHEXT".to_owned(), endings.to_owned())));
        let environment = Environment::new(variables, Some(home.0.path().to_owned()));
        find_credentials(&environment, "a.io", None)
    };
    let found = |endings| with(endings).ok().flatten();
    let expected = basic("by-get", "s").filter(|_| cfg!(windows));
    assert_eq!(found(None), expected);
    assert_eq!(found(Some(".EXE;.CMD")), expected);
    assert!(matches!(
        with(Some(".EXE")),
        Err(CredentialError::NoHelper { .. })
    ));
}

/// A helper in the folder where the user stands is not run because of a relative PATH.
fn folders_of_the_path() {
    let home = Home::new(r#"{"credsStore": "test"}"#);
    let bin = home.path("bin");
    let find = |folders: &[&Path]| {
        let path = std::env::join_paths(folders)
            .unwrap()
            .into_string()
            .unwrap();
        let variables = [("PATH".to_owned(), path)];
        let environment = Environment::new(variables, Some(home.0.path().to_owned()));
        find_credentials(&environment, "docker.io", None)
    };
    // The only test that moves: the others name whole paths.
    let before = std::env::current_dir().unwrap();
    std::env::set_current_dir(&bin).unwrap();
    let relative = [".", "", "../bin"].map(|folder| find(&[Path::new(folder)]));
    let both = find(&[Path::new("."), &bin]);
    std::env::set_current_dir(before).unwrap();
    for found in relative {
        assert!(
            matches!(found, Err(CredentialError::NoHelper { .. })),
            "{found:?}"
        );
    }
    assert_eq!(both.unwrap(), basic("hub", "s"));
}
