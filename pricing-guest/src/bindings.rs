//! The bindings that are generated from the host's WIT package.

wit_bindgen::generate!({
    path: "../pricing-host/wit",
    world: "plugin",
    pub_export_macro: true,
    generate_all,
    additional_derives: [PartialEq, Eq],
});
