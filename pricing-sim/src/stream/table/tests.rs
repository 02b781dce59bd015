use super::*;

fn refused(text: &str, line: usize, words: &str) {
    let error = read(text, &Defaults::default()).unwrap_err();
    assert_eq!((error.line(), error.to_string().contains(words)), (Some(line), true), "{error}");
}

#[test]
fn an_order_is_a_row() {
    let text = "\u{feff}id, at,cpu,memory,order\r\na,5,2,4Gi,\r\n\r\nb,6,,,\"{\"\"resources\"\":[{\"\"memory\"\":1073741824,\n\"\"cpu\"\":1000,\"\"count\"\":1}],\"\"price\"\":{\"\"denom\"\":\"\"uakt\"\",\"\"amount\"\":\"\"5\"\"}}\"\r\n";
    let arrivals = read(text, &Defaults::default()).unwrap();
    assert_eq!(arrivals.iter().map(|a| (&*a.id, a.at)).collect::<Vec<_>>(), [("a", 5000), ("b", 6000)]);
    assert!(read("at,cpu\n", &Defaults::default()).unwrap().is_empty());
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    refused("at,memroy\n", 1, "did you mean `memory`?");
    refused("at,at\n", 1, "two columns `at`");
    refused("at;cpu;memory\n", 1, "not a column");
    refused("at,cpu,memory\n0,1,1Gi\n\n0,1\n", 4, "2 cells");
    refused("at,cpu,memory\n0,1,1Gi\n0,\"\n\n\",1Gi\n0,x,1Gi", 3, "cpu");
    refused("at,cpu,memory\n0,1,1Gi\n0,x,1Gi", 3, "at `cpu`");
    let error = read("", &Defaults::default()).unwrap_err();
    assert!(error.to_string().contains("the file is empty"), "{error}");
}

#[test]
fn rows_that_are_not_orders_are_left_out_where_the_caller_says_so_and_the_others_keep_their_numbers() {
    let text = "at,cpu,memory\n0,1,1Gi\n1,x,1Gi\n2,1\n3,1,1Gi\n";
    let mut lines = Vec::new();
    let mut leave_out = |error: InputError| {
        lines.push(error.line());
        Ok(())
    };
    let read = read_with(text, &Defaults::default(), &mut leave_out).unwrap();
    assert_eq!(lines, [Some(3), Some(4)]);
    let names: Vec<&str> = read.iter().map(|arrival| &*arrival.id).collect();
    assert_eq!(names, ["order-1", "order-4"]);
    // A header that names no columns of orders is not a row.
    let error = read_with("at,colour\n0,red\n", &Defaults::default(), &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.line(), Some(1));
}
