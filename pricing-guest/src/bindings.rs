//! What is generated from the WIT package of the host.

wit_bindgen::generate!({
    path: "../pricing-host/wit",
    world: "plugin",
    pub_export_macro: true,
    generate_all,
    additional_derives: [PartialEq, Eq],
});
