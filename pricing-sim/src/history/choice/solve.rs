//! Solves linear equations with a symmetric, positive definite matrix, by Cholesky's decomposition.

/// The solution of `matrix * solution = right`. None if the matrix is not positive definite.
pub(super) fn solve(matrix: &[Vec<f64>], right: &[f64]) -> Option<Vec<f64>> {
    let lower = decompose(matrix)?;
    let mut middle: Vec<f64> = Vec::with_capacity(right.len());
    for (row, value) in lower.iter().zip(right) {
        let (diagonal, row) = row.split_last()?;
        middle.push((value - dot(row, &middle)) / diagonal);
    }
    let mut solution = Vec::with_capacity(right.len());
    for row in lower.iter().rev() {
        let (diagonal, row) = row.split_last()?;
        let value = middle.pop()? / diagonal;
        middle.iter_mut().zip(row).for_each(|(left, cell)| *left -= cell * value);
        solution.push(value);
    }
    solution.reverse();
    Some(solution)
}

/// The rows of the lower triangle whose product with its transpose is the matrix. The last cell of a row is on the
/// diagonal.
fn decompose(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let mut lower: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for (place, row) in matrix.iter().enumerate() {
        let mut new: Vec<f64> = Vec::with_capacity(place.saturating_add(1));
        for (cell, above) in row.iter().zip(&lower) {
            let (diagonal, above) = above.split_last()?;
            new.push((cell - dot(above, &new)) / diagonal);
        }
        let rest = row.get(place)? - dot(&new, &new);
        new.push((rest > 0.0).then(|| libm::sqrt(rest))?);
        lower.push(new);
    }
    Some(lower)
}

/// The sum of the products of two lists, up to the end of the shorter one.
pub(super) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Adds to a cell of a matrix, which must be there.
pub(super) fn add(matrix: &mut [Vec<f64>], row: usize, column: usize, value: f64) {
    let cell = matrix.get_mut(row).and_then(|row| row.get_mut(column));
    debug_assert!(cell.is_some(), "every parameter has a row and a column");
    if let Some(cell) = cell {
        *cell += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_solves_the_equations() {
        let matrix = [vec![4.0, 2.0, 0.5], vec![2.0, 5.0, 1.0], vec![0.5, 1.0, 3.0]];
        let solution = solve(&matrix, &[1.0, -2.0, 4.0]).unwrap();
        for (row, right) in matrix.iter().zip([1.0, -2.0, 4.0]) {
            assert!((dot(row, &solution) - right).abs() < 1e-12);
        }
        assert_eq!(solve(&[vec![1.0, 2.0], vec![2.0, 1.0]], &[1.0, 1.0]), None, "not positive definite");
    }
}
