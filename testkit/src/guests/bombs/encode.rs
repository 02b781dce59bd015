//! Encodes binaries by hand that are too large, or too unusual, to be assembled from text.

/// Encodes a number (LEB128).
pub(super) fn number(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn length(bytes: usize) -> Vec<u8> {
    number(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// Repeats an item, with the count in front.
pub(super) fn times(count: usize, item: &[u8]) -> Vec<u8> {
    [length(count), item.repeat(count)].concat()
}

/// A list of items, with the count in front.
pub(super) fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [length(items.len()), items.concat()].concat()
}

/// A name.
pub(super) fn name(text: &str) -> Vec<u8> {
    [length(text.len()), text.as_bytes().to_vec()].concat()
}

/// A section.
pub(super) fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &length(content.len()), content].concat()
}

/// Appends sections to a binary.
pub(super) fn with(binary: &[u8], sections: &[Vec<u8>]) -> Vec<u8> {
    [binary, &sections.concat()].concat()
}

/// A function type with numbers of `i32` parameters and results.
pub(super) fn function_type(params: usize, results: usize) -> Vec<u8> {
    [&[0x60][..], &times(params, &[0x7f]), &times(results, &[0x7f])].concat()
}

/// A function's body, without locals.
pub(super) fn body(code: &[u8]) -> Vec<u8> {
    body_with(&[0], code)
}

/// A function's body.
pub(super) fn body_with(locals: &[u8], code: &[u8]) -> Vec<u8> {
    [&length(locals.len() + code.len() + 1)[..], locals, code, &[0x0b]].concat()
}

/// A command with these types, and functions of the first of them.
pub(super) fn command(types: &[Vec<u8>], bodies: &[Vec<u8>]) -> Vec<u8> {
    let start = number(u32::try_from(types.len()).unwrap_or(u32::MAX));
    let types = [types, &[function_type(0, 0)]].concat();
    let of_functions = [vec![vec![0]; bodies.len()], vec![start]].concat();
    let exports = [
        [name("memory"), vec![2, 0]].concat(),
        [name("_start"), vec![0], number(u32::try_from(bodies.len()).unwrap_or(u32::MAX))].concat(),
    ];
    let bodies = [bodies, &[body(&[])]].concat();
    with(
        b"\0asm\x01\0\0\0",
        &[
            section(1, &list(&types)),
            section(3, &list(&of_functions)),
            section(5, &[1, 0, 1]),
            section(7, &list(&exports)),
            section(10, &list(&bodies)),
        ],
    )
}
