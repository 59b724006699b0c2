use crossdock_image::Platform;

use crate::{Copy, CopySource, Graph, Location, Operation, OperationId, SourcePath, Step};

fn add(graph: &mut Graph, operation: Operation, platform: &str, line: u32) -> OperationId {
    let platform: Platform = platform.parse().expect("a platform");
    let location = Location {
        file: "Dockerfile".to_owned(),
        line,
        last_line: line,
        stage: "build".to_owned(),
        text: String::new(),
    };
    graph.add(Step {
        operation,
        location,
        platform,
    })
}

fn copy(base: OperationId, tree: OperationId) -> Operation {
    let path = SourcePath {
        path: "/a".to_owned(),
        wildcard: false,
        pivot: 0,
        written: "a".to_owned(),
    };
    Operation::Copy(Box::new(Copy {
        base,
        sources: vec![CopySource::Tree {
            tree,
            paths: vec![path],
            unpack: false,
        }],
        destination: "/b".to_owned(),
        into_directory: true,
        owner: Some("1:2".to_owned()),
        mode: None,
        link: true,
        parents: false,
        exclude: Vec::new(),
    }))
}

#[test]
fn equal_operations_are_one_wherever_they_were_asked_for() {
    let mut graph = Graph::default();
    let first = add(&mut graph, Operation::Scratch, "linux/amd64", 1);
    assert_eq!(add(&mut graph, Operation::Scratch, "linux/amd64", 9), first);
    let other = add(&mut graph, Operation::Scratch, "windows/amd64", 9);
    assert_ne!(other, first);
    let copied = add(&mut graph, copy(first, other), "linux/amd64", 2);
    assert_eq!(
        add(&mut graph, copy(first, other), "linux/amd64", 3),
        copied
    );
    assert_ne!(
        add(&mut graph, copy(copied, other), "linux/amd64", 2),
        copied
    );
    assert_eq!(graph.step(copied).operation.inputs(), [first, other]);
    assert_eq!(graph.step(copied).location.line, 2);
}

#[test]
#[should_panic(expected = "is not there yet")]
fn operations_refer_to_earlier_ones_only() {
    let mut other = Graph::default();
    let scratch = add(&mut other, Operation::Scratch, "linux/amd64", 1);
    let mut graph = Graph::default();
    add(&mut graph, copy(scratch, scratch), "linux/amd64", 1);
}

#[test]
fn a_graph_is_drawn_one_operation_a_line() {
    let mut graph = Graph::default();
    let context = Operation::Context {
        name: String::new(),
    };
    let base = add(&mut graph, Operation::Scratch, "linux/amd64", 1);
    let tree = add(&mut graph, context, "linux/unknown", 2);
    add(&mut graph, copy(base, tree), "linux/amd64", 2);
    assert_eq!(
        graph.to_string(),
        "#0 [build Dockerfile:1] scratch (linux/amd64)\n\
         #1 [build Dockerfile:2] context (linux/unknown)\n\
         #2 [build Dockerfile:2] copy #1:/a to #0:/b (directory) owner=1:2 link (linux/amd64)\n"
    );
}

#[test]
fn an_absorbed_graph_shares_what_is_equal() {
    let build = |platform: &str| {
        let mut graph = Graph::default();
        let tools = add(&mut graph, Operation::Scratch, "linux/amd64", 1);
        let base = add(&mut graph, Operation::Scratch, platform, 2);
        let copied = add(&mut graph, copy(base, tools), platform, 3);
        (graph, copied)
    };
    let (mut all, first) = build("linux/arm64");
    let (other, second) = build("windows/amd64");
    let ids = all.absorb(other);
    let numbers: Vec<usize> = ids.iter().map(|id| id.index()).collect();
    assert_eq!(numbers, [0, 3, 4]);
    let moved = ids[second.index()];
    assert_ne!(moved, first);
    let inputs: Vec<usize> = all
        .step(moved)
        .operation
        .inputs()
        .iter()
        .map(|id| id.index())
        .collect();
    assert_eq!(inputs, [3, 0]);
    // Itself adds nothing.
    let same = all.clone();
    let ids = all.absorb(same);
    assert_eq!(all.steps().count(), 5);
    assert!(
        ids.iter()
            .enumerate()
            .all(|(place, id)| id.index() == place)
    );
}
