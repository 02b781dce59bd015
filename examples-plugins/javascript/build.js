// Makes a component of plugin.js: `node build.js OUTPUT WIT-FOLDER`.
import { componentize } from "@bytecodealliance/componentize-js";
import { writeFile } from "node:fs/promises";

const [output = "plugin.wasm", wit = "wit"] = process.argv.slice(2);
const { component } = await componentize({
  sourcePath: "plugin.js",
  witPath: wit,
  worldName: "plugin",
  // A plugin has none of these; without them the component imports nothing but our log.
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile(output, component);
