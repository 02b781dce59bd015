//! Files that are made to overload a compiler.

use pricing_core::quote::ReasonCode;

use super::Attack;

/// A command's binary, with functions before its `_start`.
fn binary(functions: &str) -> Vec<u8> {
    let text = format!(r#"(module (memory (export "memory") 1) {functions} (func (export "_start")))"#);
    wat::parse_str(text).expect("a module in text")
}

/// A command whose functions have many branches, which take a compiler longer than their size suggests. Its binary is
/// encoded directly: parsing the text of so many branches would take longer than compiling them.
#[must_use]
pub fn branchy(functions: usize, branches: usize) -> Vec<u8> {
    let mut body = vec![0];
    for branch in 0..branches {
        // if (local 0 == branch) { local 0 = local 0 * 3 }
        body.extend([0x20, 0, 0x41]);
        body.extend(number(branch, 0x40));
        body.extend([0x46, 0x04, 0x40, 0x20, 0, 0x41, 3, 0x6c, 0x21, 0, 0x0b]);
    }
    body.extend([0x20, 0, 0x0b]);
    let start = number(functions, 0x80);
    let types = vec![vec![0x60, 1, 0x7f, 1, 0x7f], vec![0x60, 0, 0]];
    let of_types = std::iter::repeat_n(vec![0], functions).chain([vec![1]]).collect();
    let exports = vec![[&b"\x06memory"[..], &[2, 0]].concat(), [&b"\x06_start"[..], &[0], &start].concat()];
    let bodies = std::iter::repeat_n(sized(body), functions).chain([sized(vec![0, 0x0b])]).collect();
    let sections = [(1, types), (3, of_types), (5, vec![vec![0, 1]]), (7, exports), (10, bodies)];
    let section = |(id, items): (u8, Vec<Vec<u8>>)| {
        let content = [number(items.len(), 0x80), items.concat()].concat();
        [vec![id], sized(content)].concat()
    };
    [b"\0asm\x01\0\0\0".to_vec(), sections.map(section).concat()].concat()
}

/// Bytes after their length.
fn sized(bytes: Vec<u8>) -> Vec<u8> {
    [number(bytes.len(), 0x80), bytes].concat()
}

/// A number in LEB128: groups of seven bits, the lowest first. The last group must be below a bound, which is half of
/// its range if the number is read as signed.
fn number(number: usize, bound: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut left = number;
    loop {
        let low = u8::try_from(left & 0x7f).unwrap_or_default();
        if left < bound {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
        left >>= 7;
    }
}

/// Files that are rejected by the static checks, before they are compiled.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let rejected = |name, file| Attack::new(name, file, ReasonCode::LoadRejected);
    let nested = |depth: usize| binary(&format!("(func {}{})", "block ".repeat(depth), "end ".repeat(depth)));
    let locals = format!("(func (local {}))", "i64 ".repeat(60_000));
    vec![
        rejected("one function of 110,000 branches", branchy(1, 110_000)),
        rejected("200,000 functions", branchy(200_000, 0)),
        rejected("30,000 blocks within blocks", nested(30_000)),
        rejected("5,000 blocks within blocks", nested(5_000)),
        rejected("60,000 locals", binary(&locals)),
        rejected("5 MiB of text", vec![b' '; 5 << 20]),
        rejected("5 MiB of zeros", vec![0; 5 << 20]),
    ]
}
