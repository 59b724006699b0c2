use super::*;

fn repository(name: &str) -> Repository {
    let reference: crossdock_image::Reference = name.parse().unwrap();
    reference.repository().clone()
}

#[test]
fn scopes() {
    let (a, b) = (repository("r.io/a"), repository("r.io/b/c"));
    let pull = Scopes::new(&a, Access::Pull);
    let push = Scopes::new(&a, Access::Push);
    let mount = push.clone().and(&b, Access::Pull);
    assert_eq!(pull.texts(), ["repository:a:pull"]);
    assert_eq!(
        mount.texts(),
        ["repository:a:pull,push", "repository:b/c:pull"]
    );
    assert_eq!(pull.clone().and(&a, Access::Push), push);
    assert_eq!(push.clone().and(&a, Access::Pull), push);
    assert!(push.covers(&pull) && mount.covers(&pull) && mount.covers(&push));
    assert!(!pull.covers(&push) && !push.covers(&mount));
    let none = Scopes::default();
    // A token without scope allows nothing, and one with scope may not be meant for the rest.
    assert!(none.covers(&none) && !none.covers(&pull) && !pull.covers(&none));
}

#[test]
fn headers() {
    assert_eq!(basic("a", &Secret::new("b:c")), "Basic YTpiOmM=");
    assert_eq!(bearer(&Secret::new("t")), "Bearer t");
}
