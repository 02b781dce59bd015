//! A folder of SDLs as a stream of orders.

use crate::common::Folder;

/// An SDL with a group for each of some placements.
fn sdl(placements: &[&str]) -> String {
    let list = |form: &dyn Fn(&str) -> String| placements.iter().map(|name| form(name)).collect::<String>();
    format!(
        "version: \"2.0\"\nservices:\n  web:\n    image: nginx\n    expose:\n      - port: 80\n        to:\n          - global: true\n\
         profiles:\n  compute:\n    web:\n      resources:\n        cpu:\n          units: 1\n        memory:\n          size: 1Gi\n        storage:\n          size: 1Gi\n\
         \x20 placement:\n{}deployment:\n  web:\n{}",
        list(&|name| format!(
            "    {name}:\n      pricing:\n        web:\n          denom: uact\n          amount: 1000\n"
        )),
        list(&|name| format!("    {name}:\n      profile: web\n      count: 1\n")),
    )
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("sdls/b.yaml", &sdl(&["east", "west"]));
    folder.put("sdls/a.yml", &sdl(&["one"]));
    folder.put("sdls/more/c.yaml", &sdl(&["one"]));
    folder.put("sdls/.hidden/d.yaml", "not: an sdl");
    folder.put("sdls/readme.txt", "no SDL");
    folder
}

#[test]
fn without_arrivals_each_sdl_comes_once_in_name_order_a_minute_apart() {
    let stream = folder().stream("[orders]\nsdl_dir = \"sdls\"", 1).unwrap();
    let seen: Vec<(&str, u64)> = stream.arrivals.iter().map(|arrival| (&*arrival.id, arrival.at)).collect();
    assert_eq!(seen, [("a-1/one", 0), ("b-2/east", 60_000), ("b-2/west", 60_000), ("more/c-3/one", 120_000)]);
    assert!(stream.arrivals.iter().all(|arrival| arrival.has_maximum));
}

#[test]
fn with_arrivals_any_sdl_is_as_likely_and_its_groups_come_and_go_together() {
    let orders = "[orders]\nsdl_dir = \"sdls\"\nduration = \"100h\"\n[orders.arrivals]\nrate = \"30/h\"\n[orders.lifetime]\ntypical = \"3h\"";
    let stream = folder().stream(orders, 1).unwrap();
    let of = |letter: &str| stream.arrivals.iter().filter(|arrival| arrival.id.contains(letter)).collect::<Vec<_>>();
    let (east, west) = (of("/east"), of("/west"));
    assert_eq!(east.len(), west.len());
    for (east, west) in east.iter().zip(&west) {
        assert_eq!((east.at, east.until), (west.at, west.until));
        assert_eq!(east.id.replace("east", "west"), *west.id);
    }
    for share in [of("a-").len(), east.len(), of("c-").len()] {
        assert!((900..1_100).contains(&share), "{share} of 3000");
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_refused_by_name() {
    let folder = folder();
    let told = |orders: &str| folder.stream(orders, 1).unwrap_err();
    assert!(told("[orders]\nsdl_dir = \"absent\"").contains("`absent` cannot be read"));
    folder.put("empty/readme.txt", "");
    assert!(told("[orders]\nsdl_dir = \"empty\"").contains("`empty` has no `.yaml` or `.yml` file"));
    let endless = told("[orders]\nsdl_dir = \"sdls\"\n[orders.arrivals]\nrate = \"1/h\"");
    assert!(endless.contains("needs `orders.duration` or `orders.limit`"), "{endless}");
    folder.put("sdls/more/bad.yaml", "services: [");
    let bad = told("[orders]\nsdl_dir = \"sdls\"");
    assert!(bad.contains("`sdls/more/bad.yaml`"), "{bad}");
}
