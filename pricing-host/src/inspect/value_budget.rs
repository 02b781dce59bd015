//! Counts the values that the instructions of a function pass on. A validator pops each of them off its stack and
//! pushes it again, so a branch to a hundred targets that each carry a thousand values takes a hundred thousand steps,
//! in a hundred bytes of code.

use wasmparser::{BlockType, BrTable, CompositeInnerType, FuncType, FunctionBody, Operator, WasmModuleResources};

/// With types of at most this many parameters and results, no instruction is expensive: the work is linear in the size
/// of the code.
pub(super) const FEW: usize = 8;

/// The number of values that may still be passed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueBudget {
    left: u64,
}

/// Too many values were passed on.
#[derive(Debug)]
pub(super) struct TooMany;

/// How many values a function or block takes and returns.
#[derive(Clone, Copy, Debug, Default)]
struct Arity {
    params: u64,
    results: u64,
}

impl Arity {
    fn both(self) -> u64 {
        self.params.saturating_add(self.results)
    }
}

impl From<&FuncType> for Arity {
    fn from(function: &FuncType) -> Self {
        Self { params: length(function.params()), results: length(function.results()) }
    }
}

/// A block that is open.
struct Block {
    arity: Arity,
    /// The number of values that a branch to it carries.
    label: u64,
}

impl ValueBudget {
    pub(super) fn new(limit: u64) -> Self {
        Self { left: limit }
    }

    /// Counts the values that a function passes on. Errors in its code are left to the validator.
    pub(super) fn count(
        &mut self,
        resources: &impl WasmModuleResources,
        ty: u32,
        body: &FunctionBody<'_>,
    ) -> Result<(), TooMany> {
        let Ok(mut operators) = body.get_operators_reader() else { return Ok(()) };
        let own = arity_of(resources, ty);
        let mut blocks = vec![Block { arity: own, label: own.results }];
        while !operators.eof() {
            let Ok(operator) = operators.read() else { return Ok(()) };
            let values = step(&mut blocks, resources, own, &operator);
            self.left = self.left.checked_sub(values).ok_or(TooMany)?;
        }
        Ok(())
    }
}

/// Tracks the open blocks, and returns how many values an operator passes on.
///
/// The compiler's work grows with the values that pass from block to block, which a small file can make very many. A
/// branch to a loop passes the loop's parameters, and to any other block its results.
fn step(blocks: &mut Vec<Block>, resources: &impl WasmModuleResources, own: Arity, operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::Block { blockty } | Operator::If { blockty } => {
            let arity = block(resources, *blockty);
            blocks.push(Block { arity, label: arity.results });
            arity.params
        }
        Operator::Loop { blockty } => {
            let arity = block(resources, *blockty);
            blocks.push(Block { arity, label: arity.params });
            arity.params
        }
        Operator::Else => blocks.last().map_or(0, |block| block.arity.both()),
        Operator::End => blocks.pop().map_or(0, |block| block.arity.results.saturating_mul(2)),
        Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => label(blocks, *relative_depth),
        Operator::BrTable { targets } => of_targets(blocks, targets),
        Operator::Return => own.results,
        Operator::Call { function_index } => {
            let ty = resources.type_index_of_function(*function_index);
            ty.map_or(0, |ty| arity_of(resources, ty).both())
        }
        Operator::CallIndirect { type_index, .. } => arity_of(resources, *type_index).both(),
        _ => 0,
    }
}

fn of_targets(blocks: &[Block], targets: &BrTable<'_>) -> u64 {
    let all = targets.targets().map_while(Result::ok).chain([targets.default()]);
    all.fold(0, |sum: u64, target| sum.saturating_add(label(blocks, target)))
}

/// The number of values that a branch to the block at a depth carries.
fn label(blocks: &[Block], depth: u32) -> u64 {
    let block = usize::try_from(depth).ok().and_then(|depth| blocks.iter().nth_back(depth));
    block.map_or(0, |block| block.label)
}

fn block(resources: &impl WasmModuleResources, ty: BlockType) -> Arity {
    match ty {
        BlockType::Empty => Arity::default(),
        BlockType::Type(_) => Arity { params: 0, results: 1 },
        BlockType::FuncType(ty) => arity_of(resources, ty),
    }
}

fn arity_of(resources: &impl WasmModuleResources, ty: u32) -> Arity {
    match resources.sub_type_at(ty).map(|found| &found.composite_type.inner) {
        Some(CompositeInnerType::Func(function)) => function.into(),
        _ => Arity::default(),
    }
}

fn length<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}
