//! The same repository from several servers. testkit/e2e/git.sh starts them.

use super::*;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: run testkit/e2e/git.sh"))
}

fn http(login: &str, kind: &str) -> String {
    let host = variable("CROSSDOCK_TEST_GIT_HTTP");
    format!("http://{login}{host}/{kind}/all.git")
}

const LOGIN: &str = "somebody:pass%3Aword@";

#[test]
#[ignore = "needs servers of git: testkit/e2e/git.sh"]
fn every_server_gives_the_same() {
    let world = World::new();
    let git = world.strict_client();
    let servers = [
        format!("{}/all.git", variable("CROSSDOCK_TEST_GIT_DAEMON")),
        http("", "open"),
        http(LOGIN, "private"),
        http("", "dumb"),
    ];
    let first = {
        let folder = fetch(&git, &format!("{}?keep-git-dir=1", servers[0])).unpack(&world, "it");
        assert_eq!(files(&folder)["folder/text.txt"], "text\n");
        assert_eq!(files(&folder)["sub/inner.txt"], "inner\n");
        assert_eq!(world.run(&folder, "git", &["status", "--porcelain"]), "");
        // It is not in what came.
        let id = fetch(&git, &servers[1]).commit.id;
        let parents = world.repository("parents");
        parents.git(&["fetch", "-q", &servers[1], "main"]);
        parents.git(&["rev-parse", &format!("{id}^")])
    };
    for rest in ["", "#main:folder", "?tag=v1", &format!("#{first}")] {
        let all: Vec<Fetched> = servers
            .iter()
            .map(|server| fetch(&git, &format!("{server}{rest}")))
            .collect();
        for (other, server) in all.iter().zip(&servers) {
            assert!(other.bytes == all[0].bytes, "{server}{rest}");
            assert_eq!(other.commit, all[0].commit, "{server}{rest}");
        }
    }
    let kept = fetch(&git, &format!("{}?keep-git-dir=1&tag=v1", servers[2]));
    let unpacked = kept.unpack(&world, "private");
    let config = fs::read_to_string(unpacked.join(".git/config")).unwrap();
    assert!(
        config.contains("/private/all.git") && !config.contains("somebody"),
        "{config}"
    );
}

#[test]
#[ignore = "needs servers of git: testkit/e2e/git.sh"]
fn credentials_come_from_the_address_or_from_git() {
    let world = World::new();
    let git = world.strict_client();
    fails(
        &git,
        &http("", "private"),
        "no credentials that the server accepts",
    );
    fails(
        &git,
        &http("somebody:secret@", "private"),
        "no credentials that the server accepts",
    );
    fails(&git, &http("", "nothing"), "no such repository");
    let helper = "!echo username=somebody; echo password=pass:word; #";
    let helped = git
        .with_variable("GIT_CONFIG_COUNT", "1")
        .with_variable("GIT_CONFIG_KEY_0", "credential.helper")
        .with_variable("GIT_CONFIG_VALUE_0", helper);
    fetch(&helped, &http("", "private"));
    // What is in the address comes first.
    fails(
        &helped,
        &http("somebody:secret@", "private"),
        "no credentials that the server accepts",
    );
    let daemon = variable("CROSSDOCK_TEST_GIT_DAEMON");
    fails(
        &helped,
        &format!("{daemon}/nothing.git"),
        "no such repository",
    );
}

#[test]
#[ignore = "needs servers of git: testkit/e2e/git.sh"]
fn passwords_are_in_no_arguments() {
    let world = World::new();
    let log = world.folder.path().join("trace");
    let git = world
        .strict_client()
        .with_variable("GIT_TRACE2_EVENT", &log)
        .with_variable("GIT_TRACE2_ENV_VARS", "HOME");
    fetch(&git, &http(LOGIN, "private"));
    let traced = fs::read_to_string(&log).unwrap();
    assert!(traced.contains("ls-remote"), "{traced}");
    assert!(
        !traced.contains("pass:word") && !traced.contains("pass%3Aword"),
        "{traced}"
    );
}
