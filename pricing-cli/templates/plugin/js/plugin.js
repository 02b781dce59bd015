// The plugin {{name}}.
//
// Decimals cross as text. JavaScript's numbers are floats, so they are no place for money: hand texts on as they are, or
// count in BigInt. Integers of 64 bits (`cpuMillis`, `memoryBytes`) are BigInt already. `wit/plugin.wit` has all types.
import { log } from "bidprice:plugin/log@0.1.0";

// Everyone pays nine tenths of the built-in price,
const FACTOR = "0.9";
// but at least this many USD a month.
const MINIMUM_USD = "5";
// Owners who get no bid.
const DENIED = new Set(["akash1refusedqqqqqqqqqqqqqqqqqqqqqqqqq2uh00m"]);

function price(request) {
  if (DENIED.has(request.owner)) {
    return { tag: "decline", val: "this owner is denied" };
  }
  return {
    tag: "change",
    val: [
      { tag: "multiply", val: FACTOR },
      { tag: "floor", val: MINIMUM_USD },
    ],
  };
}

// An exception is no answer: the call traps, the host makes a fault of it and does not bid. Log it first, or the
// operator sees no more than a trap.
export const pricer = {
  price(request) {
    try {
      return price(request);
    } catch (error) {
      log("error", `${error}`);
      throw error;
    }
  },
};
