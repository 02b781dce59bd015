//! Calls any function with any arguments on any memory: the effects are limited to the guest.

use super::*;

/// Pseudo-random bytes from a seed.
struct Dice(generator::Generator);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut generator = generator::Generator::default();
        (0..seed).for_each(|_| generator.fill(&mut [0; 1 << 12]));
        Self(generator)
    }

    fn roll<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.0.fill(&mut bytes);
        bytes
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(u64::from_le_bytes(self.roll()) % u64::try_from(items.len()).unwrap()).unwrap()]
    }

    /// Small numbers, numbers around the edges, and any number.
    fn number(&mut self) -> u32 {
        const EDGES: [u32; 16] =
            [0, 1, 2, 3, 4, 8, 48, 1024, 1025, 65_528, 65_535, 65_536, 65_537, 1 << 31, u32::MAX - 7, u32::MAX];
        let any = u32::from_le_bytes(self.roll());
        let (edge, least) = (self.one_of(&EDGES), self.one_of(&[100, 65_536, u32::MAX]));
        if self.one_of(&[true, false]) { edge } else { any % least }
    }
}

/// A command of a hundred calls on a memory of numbers.
fn storm(dice: &mut Dice) -> Vec<u8> {
    let memory: Vec<u32> = (0..2048).map(|_| dice.number()).collect();
    let mut fields = format!("(data (i32.const 0) \"{}\") (func (export \"_start\")", bytes(&memory));
    let returning: Vec<_> = returning().collect();
    for _ in 0..100 {
        let function = dice.one_of(&returning);
        write!(fields, "(drop (call ${}", function.name).unwrap();
        for param in function.params {
            write!(fields, " ({param}.const {})", dice.number()).unwrap();
        }
        fields.push_str("))");
    }
    fields.push(')');
    module(&fields)
}

#[test]
fn no_call_harms_the_host() {
    for seed in 0..60 {
        let file = storm(&mut Dice::new(seed));
        let first = run_file(&file, state(b"the request"));
        if let Err(error) = &first.end {
            assert!(error.is::<OutputExceeded>() || first.trap() == Some(Trap::OutOfFuel), "{seed}: {error:?}");
        }
        let limits = CallLimits::default();
        assert!(first.output.stdout.len() <= limits.output_bytes);
        assert!(first.output.stderr.len() <= limits.log_bytes);
        let second = run_file(&file, state(b"the request"));
        assert_eq!((&first.output, first.fuel), (&second.output, second.fuel), "{seed}");
    }
}
