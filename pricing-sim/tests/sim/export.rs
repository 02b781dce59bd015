//! A stream that is written to a file is read back as it was.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use crate::common::Folder;
use pricing_sim::export::OrdersFile;
use pricing_sim::stream::Stream;

const MADE_UP: &str = "[orders]\nduration = \"3d\"\nwarm_up = \"1d\"\n[orders.generate]\ngpus = { \"nvidia/t4\" = 2, \"nvidia/a100/80Gi\" = 1 }\nwildcard_share = 0.3\nmulti_model_share = 0.2\ncpu_only_share = 0.2\nstorage = [5]\npersistent = \"beta3\"\nendpoints = 2\nreplicas = { 1 = 3, 2 = 1 }\n[orders.arrivals]\nrate = \"3/h\"\n[orders.lifetime]\ntypical = \"9h\"\nshape = \"log-normal\"\n[orders.maximum]\nrates = \"rates.toml\"\nspread = 0.4\n";
const SDLS: &str = "[orders]\nsdl_dir = \"sdls\"\nduration = \"2d\"\nowner = \"akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63\"\n[orders.arrivals]\nrate = \"1/h\"\n[orders.lifetime]\ntypical = \"9h\"\n";
const OPENB: &str = "[orders]\nopenb = \"pods.csv\"\n";
const REST: &str = "[inventory]\ndescribe = \"3 nodes x 4 t4/16Gi/pcie + 2 nodes x 4 a100/80Gi/sxm\"\n[market]\nrates = \"rates.toml\"\nspread = 0.2\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n[[strategy]]\nname = \"dearest\"\nrates = \"rates.toml\"\ngpu = \"highest-wildcard\"\n";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("sdls/one.yaml", include_str!("../../../corpus/sdl/squad_deploy.yaml"));
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";
    let rows = "a,4000,8192,1,1000,T4,LS,Running,7,9000,7\nb,500,512,2,1000,,LS,Running,9,,9\n\"c,\"\"d\",500,512,0,0,,LS,Running,9,70000,9\n";
    folder.put("pods.csv", &format!("{pods}{rows}"));
    folder
}

fn write(stream: &Stream, path: &Path) {
    OrdersFile::create(path).unwrap().write(stream).unwrap();
}

#[test]
fn a_stream_in_any_format_comes_to_the_same_answer_as_its_source() {
    for (orders, warm_up) in [(MADE_UP, "warm_up = \"1d\"\n"), (SDLS, ""), (OPENB, "")] {
        let folder = folder();
        let source = folder.run(&format!("usd_per_akt = \"0.5\"\n{orders}{REST}"), 7).unwrap();
        let window = source.stream.window;
        for kind in ["jsonl", "csv", "parquet"] {
            write(&source.stream, &folder.path(&format!("orders.{kind}")));
            let read = format!(
                "usd_per_akt = \"0.5\"\n[orders]\n{kind} = \"orders.{kind}\"\nbegin = \"{}.{:03}\"\nduration = \"{}ms\"\n{warm_up}{REST}",
                window.start / 1000,
                window.start % 1000,
                window.length()
            );
            let read = folder.run(&read, 7).unwrap();
            assert_eq!(read.stream.window, window, "{kind}: {orders}");
            for (one, other) in source.stream.arrivals.iter().zip(&read.stream.arrivals) {
                assert_eq!((&one.id, one.at, one.until, &one.owner), (&other.id, other.at, other.until, &other.owner));
                assert_eq!((&one.order.group, &one.order.max_price), (&other.order.group, &other.order.max_price));
                assert_eq!(one.has_maximum, other.has_maximum);
            }
            assert_eq!(source.stream.arrivals.len(), read.stream.arrivals.len());
            assert_eq!(source.result, read.result, "{kind}: {orders}");
        }
    }
}

#[test]
fn an_order_before_the_beginning_is_refused() {
    let orders = |begin: &str| format!("[orders]\nopenb = \"pods.csv\"\nbegin = \"{begin}\"\n{REST}");
    assert_eq!(folder().run(&orders("6.5"), 1).unwrap().result.window.start, 6500);
    let error = folder().run(&orders("8"), 1).unwrap_err();
    assert!(error.contains("the order `a` arrives before `orders.begin`"), "{error}");
    let error = folder().run(&orders("soon"), 1).unwrap_err();
    assert!(error.contains("orders.begin"), "{error}");
}
