use super::*;

const PREFIX: &str = ".ours-";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Makes a folder beside what is there already, and compares what is there after it is gone.
#[track_caller]
fn check(there: impl FnOnce(&Path), expected: &[&str]) {
    let parent = tempfile::tempdir().unwrap();
    there(parent.path());
    let folder = TemporaryFolder::create_in(parent.path(), PREFIX).unwrap();
    fs::write(folder.path().join("file"), "content").unwrap();
    assert_eq!(names(folder.path()), [ALIVE, "file"]);
    drop(folder);
    assert_eq!(names(parent.path()), expected);
}

#[test]
fn what_killed_processes_left_goes() {
    let killed = |name: &str| {
        let name = name.to_owned();
        move |parent: &Path| {
            fs::create_dir_all(parent.join(&name).join("layout")).unwrap();
            fs::write(parent.join(&name).join(ALIVE), "").unwrap();
        }
    };
    check(|_| {}, &[]);
    check(killed(".ours-1-0"), &[]);
    check(killed("others"), &["others"]);
    // Killed while making it.
    let nameless = |parent: &Path| fs::create_dir(parent.join(".ours-1-0")).unwrap();
    check(nameless, &[]);
    let unlocked = |parent: &Path| {
        nameless(parent);
        fs::write(parent.join(".ours-1-0").join(UNLOCKED), "").unwrap();
    };
    check(unlocked, &[]);
    let full = |parent: &Path| fs::create_dir_all(parent.join(".ours-1-0/layout")).unwrap();
    check(full, &[".ours-1-0"]);
    let file = |parent: &Path| fs::write(parent.join(".ours-file"), "mine").unwrap();
    check(file, &[".ours-file"]);
}

#[test]
fn those_of_the_living_stay() {
    let parent = tempfile::tempdir().unwrap();
    let folders: Vec<_> = (0..3)
        .map(|_| TemporaryFolder::create_in(parent.path(), PREFIX).unwrap())
        .collect();
    assert_eq!(names(parent.path()).len(), 3);
    drop(folders);
    assert_eq!(names(parent.path()).len(), 0);
}
