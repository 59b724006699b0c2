//! `crossdock images`, `tag`, `rmi`, `history` and `inspect` as users run them.

mod bench;
mod inspect;
mod registry;

use std::fs;

use serde_json::{Value, json};

use self::bench::Bench;

/// Two images, an index of both and an attestation, a half of an index, and what is damaged.
fn filled() -> Bench {
    let mut bench = Bench::new();
    let linux = bench.image(
        "linux",
        json!({ "os": "linux", "architecture": "amd64" }),
        &[700, 40],
    );
    let windows = json!({ "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1" });
    let windows = bench.image("windows", windows, &[9_000_000]);
    let mut about = bench.image(
        "about",
        json!({ "os": "linux", "architecture": "amd64" }),
        &[5],
    );
    about["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let index = bench.index("index", &[linux.clone(), windows.clone(), about]);
    let arm = json!({ "os": "linux", "architecture": "arm64" });
    let absent = bench.image("absent", arm, &[3]);
    let half = bench.index("half", &[linux.clone(), absent.clone()]);
    bench.remove(&absent);
    let damaged = bench.image(
        "damaged",
        json!({ "os": "linux", "architecture": "arm" }),
        &[4],
    );
    bench.damage(&damaged);
    bench.name("docker.io/library/linux:1", &linux);
    bench.name("docker.io/team/windows:latest", &windows);
    bench.name("example.com:5000/team/all:2.0", &index);
    bench.name("example.com:5000/team/half:2.0", &half);
    let by_digest = format!(
        "docker.io/library/linux@{}",
        linux["digest"].as_str().unwrap()
    );
    bench.name(&by_digest, &linux);
    bench.name("docker.io/library/gone:1", &absent);
    bench.name("docker.io/library/broken:1", &damaged);
    bench.name("foreign", &linux);
    bench.write_names();
    bench
}

#[test]
fn lists() {
    let bench = filled();
    let check = |arguments: &[&str], expected: &str| {
        bench.check(&[&["images"], arguments].concat(), 0, expected, "");
    };
    // Documents are a few hundred bytes; nothing says how many but they themselves.
    check(
        &["--format", "json", "linux:1"],
        "{'name':'docker.io/library/linux:1','repository':'linux','tag':'1','digest':'<<linux>>',\
         'media_type':'application/vnd.oci.image.manifest.v1+json','created':'2999-01-01T00:00:00Z',\
         'size':<size linux>,'absent_size':0,'is_index':false,'images':[{'digest':'<<linux>>',\
         'media_type':'application/vnd.oci.image.manifest.v1+json','platform':{'architecture':\
         'amd64','os':'linux'},'is_attestation':false,'created':'2999-01-01T00:00:00Z','size':\
         <size linux>,'absent_size':0,'problem':null}],'problem':null}\n",
    );
    check(
        &["*/*/*"],
        "\
REPOSITORY                  TAG  PLATFORM                  DIGEST        CREATED                SIZE  NOTE
example.com:5000/team/all   2.0  linux/amd64 +1            <index>  2999-01-01T00:00:00Z  9.0MB
example.com:5000/team/half  2.0  linux/amd64, linux/arm64  <half>  2999-01-01T00:00:00Z  2.0kB  1 of 2 images here
",
    );
    check(
        &["-a", "example.com:5000/team/all:2.?"],
        "\
REPOSITORY                 TAG  PLATFORM                     DIGEST        CREATED                SIZE
example.com:5000/team/all  2.0  linux/amd64 +1               <index>  2999-01-01T00:00:00Z  9.0MB
├─                              linux/amd64                  <linux>  2999-01-01T00:00:00Z  1.6kB
├─                              windows(10.0.20348.1)/amd64  <windows>  2999-01-01T00:00:00Z  9.0MB
└─                              attestation                  <about>                         588B
",
    );
    check(
        &["--no-trunc", "windows"],
        "REPOSITORY  TAG  PLATFORM  DIGEST  CREATED  SIZE\n",
    );
    check(&["-q", "[lw]*"], "<linux>\n");
    check(
        &["-q", "--no-trunc", "-a", "*/*/all"],
        "<<index>>\n<<linux>>\n<<windows>>\n<<about>>\n",
    );
    check(
        &["linux"],
        "\
REPOSITORY  TAG     PLATFORM     DIGEST        CREATED                SIZE
linux       1       linux/amd64  <linux>  2999-01-01T00:00:00Z  1.6kB
linux       <none>  linux/amd64  <linux>  2999-01-01T00:00:00Z  1.6kB
",
    );
    check(
        &["foreign"],
        "\
REPOSITORY  TAG     PLATFORM     DIGEST        CREATED                SIZE
foreign     <none>  linux/amd64  <linux>  2999-01-01T00:00:00Z  1.6kB
",
    );
    check(
        &["gone"],
        "\
REPOSITORY  TAG  PLATFORM     DIGEST        CREATED  SIZE  NOTE
gone        1    linux/arm64  <absent>  N/A            not here
",
    );
    let ran = bench.run(&["images"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.out.lines().count(), 9, "{}", ran.out);
    let broken = ran.out.lines().find(|line| line.starts_with("broken"));
    assert!(broken.unwrap().contains("  damaged: "), "{}", ran.out);
    bench.check(
        &["images", "["],
        1,
        "",
        "error: the pattern \"[\" is not well formed\n",
    );
}

#[test]
fn names_come_and_go() {
    let bench = filled();
    let check = |arguments: &[&str], code: i32, out: &str, err: &str| {
        bench.check(arguments, code, out, err);
    };
    check(&["tag", "linux:1", "a", "example.com/b:2"], 0, "", "");
    check(&["tag", "<windows>", "c"], 0, "", "");
    check(&["images", "-q", "c:latest"], 0, "<windows>\n", "");
    check(
        &["rmi", "c", "team/windows"],
        0,
        "Untagged: c:latest\nUntagged: team/windows:latest\n",
        "crossdock prune frees the space that nothing needs any more\n",
    );
    // Still an image of an index.
    check(
        &["rmi", "<windows>"],
        1,
        "",
        "error: <windows>: has no name itself, it is an image of example.com:5000/team/all:2.0; \
         remove that\n",
    );
    check(&["tag", "<windows>", "c"], 0, "", "");
    check(&["images", "-q", "c"], 0, "<windows>\n", "");
    check(
        &["rmi", "nothing", "a", "gone:2"],
        1,
        "Untagged: a:latest\n",
        "error: nothing: the store has no such image; crossdock images lists what it has\n\
         error: gone:2: the store has no such image; crossdock images lists what it has\n",
    );
    check(
        &["rmi", "<linux>"],
        1,
        "",
        "error: <linux>: has 4 names: linux:1, linux@<<linux>>, example.com/b:2, foreign; write \
         those that go, or -f for all\n",
    );
    check(
        &["rmi", "-f", "<linux>"],
        0,
        "Untagged: linux:1\nUntagged: linux@<<linux>>\nUntagged: example.com/b:2\n\
         Untagged: foreign\n",
        "crossdock prune frees the space that nothing needs any more\n",
    );
    // What indexes need stays.
    bench.run(&["prune"]);
    check(&["tag", "<linux>", "linux:again"], 0, "", "");
    check(&["images", "-q", "linux"], 0, "<linux>\n", "");
    check(
        &["rmi", "gone:1", "broken:1"],
        0,
        "Untagged: gone:1\nUntagged: broken:1\n",
        "crossdock prune frees the space that nothing needs any more\n",
    );
    check(&["tag", "linux:again"], 2, "", "*");
}

/// An index on disk also says under which name containerd takes it.
#[test]
fn every_name_says_itself() {
    let mut bench = Bench::new();
    let mut image = bench.image("a", json!({ "os": "linux", "architecture": "amd64" }), &[1]);
    image["annotations"] = json!({ "io.containerd.image.name": "docker.io/library/a:1" });
    bench.name("docker.io/library/a:1", &image);
    bench.write_names();
    bench.check(&["tag", "a:1", "b:2"], 0, "", "");
    let index: Value =
        serde_json::from_slice(&fs::read(bench.path("store/index.json")).unwrap()).unwrap();
    for entry in index["manifests"].as_array().unwrap() {
        let said = &entry["annotations"];
        assert_eq!(
            said["io.containerd.image.name"],
            said["org.opencontainers.image.ref.name"]
        );
    }
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
}

/// What neither the store nor a registry gives: both are told.
#[test]
fn absent_images() {
    let mut bench = Bench::new();
    let image = bench.image("a", json!({ "os": "linux", "architecture": "amd64" }), &[1]);
    bench.name("127.0.0.1:9/a:1", &image);
    bench.write_names();
    let check = |arguments: &[&str], parts: [&str; 2]| {
        let ran = bench.run(&[&["history"], arguments].concat());
        assert_eq!(ran.code, 4, "{}", ran.err);
        for part in parts {
            assert!(ran.err.contains(part), "{}", ran.err);
        }
    };
    check(
        &["127.0.0.1:9/b:1"],
        [
            "refused",
            "the store has no 127.0.0.1:9/b:1; crossdock images",
        ],
    );
    check(
        &["--platform", "windows/amd64", "127.0.0.1:9/a:1"],
        ["refused", "the store has 127.0.0.1:9/a:1 for linux/amd64"],
    );
}

#[test]
fn histories() {
    let mut bench = Bench::new();
    let history = json!([
        { "created": "2999-01-01T00:00:00Z", "created_by": "/bin/sh -c #(nop) ADD file:1 in /" },
        { "created": "2999-01-01T00:00:00Z", "created_by": "CMD\t[\"sh\"]", "empty_layer": true },
        { "created_by": "RUN /bin/sh -c make # buildkit", "comment": "buildkit.dockerfile.v0" },
    ]);
    let make = |bench: &mut Bench, name: &'static str, layers: &[usize], history: &Value| {
        let config = json!({ "os": "linux", "architecture": "amd64", "history": history });
        let image = bench.image(name, config, layers);
        bench.name(&format!("docker.io/library/{name}:latest"), &image);
    };
    make(&mut bench, "fits", &[4096, 700], &history);
    make(&mut bench, "none", &[4096, 700], &json!([]));
    make(&mut bench, "other", &[4096], &history);
    bench.write_names();
    let check = |arguments: &[&str], out: &str, err: &str| {
        bench.check(&[&["history"], arguments].concat(), 0, out, err);
    };
    check(
        &["fits"],
        "\
LAYER         CREATED               CREATED BY                         SIZE  COMPRESSED  COMMENT
<fits 1>  N/A                   RUN /bin/sh -c make # buildkit        ?        700B  buildkit.dockerfile.v0
-             2999-01-01T00:00:00Z  CMD\\t[\"sh\"]                           -           -
<fits 0>  2999-01-01T00:00:00Z  /bin/sh -c #(nop) ADD file:1 in /     ?       4.1kB
",
        "",
    );
    check(
        &["-H=false", "--no-trunc", "none"],
        "\
LAYER                                                                    CREATED  CREATED BY  SIZE  COMPRESSED  COMMENT
<<none 1>>  -        <missing>      ?         700
<<none 0>>  -        <missing>      ?        4096
",
        "",
    );
    check(&["-q", "fits"], "<fits 1>\n<fits 0>\n", "");
    check(
        &["other"],
        "\
LAYER         CREATED               CREATED BY                         SIZE  COMPRESSED  COMMENT
<other 0>  -                     <missing>                             ?       4.1kB
-             N/A                   RUN /bin/sh -c make # buildkit        -           -  buildkit.dockerfile.v0
-             2999-01-01T00:00:00Z  CMD\\t[\"sh\"]                           -           -
-             2999-01-01T00:00:00Z  /bin/sh -c #(nop) ADD file:1 in /     -           -
",
        "warning: other: its history tells of 2 layers and it has 1; it is not known which step \
         made which\n",
    );
    let ran = bench.run(&["history", "--format", "json", "fits"]);
    let rows: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["compressed_size"], 700);
    assert_eq!(rows[0]["size"], Value::Null);
    assert_eq!(rows[1]["empty_layer"], true);
    assert_eq!(rows[1]["created_by"], "CMD\t[\"sh\"]");
    assert_eq!(rows[2]["diff_id"], bench.fill("<<fits 0>>"));
}
