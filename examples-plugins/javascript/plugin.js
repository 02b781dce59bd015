// Volume discount and allow list, in JavaScript.
//
// Decimals cross as text. JavaScript's numbers are floats, so they are no place for money: hand texts on as they are,
// or count in BigInt as `thousandths` does. Integers of 64 bits (`cpuMillis`, `memoryBytes`) are BigInt already.
import { log } from "bidprice:plugin/log@0.1.0";

// Owners who get a bid whatever they order. Everyone else must ask for a GPU: this provider has no cores to spare.
const REGULARS = new Set(["akash1partnerqqqqqqqqqqqqqqqqqqqqqqqqqacjghm"]);

// From this many cards on, the whole order costs this much of its price.
const DISCOUNTS = [
  { cards: 8n, factor: "0.85" },
  { cards: 4n, factor: "0.925" },
];

// A decimal text as a whole number of thousandths, to compare with.
function thousandths(text) {
  const [whole, fraction = ""] = text.split(".");
  const value = BigInt(whole + fraction.padEnd(3, "0").slice(0, 3));
  return value;
}

function price(request) {
  const cards = request.order.resources.reduce(
    (sum, unit) => sum + BigInt(unit.count) * (unit.gpu?.units ?? 0n),
    0n,
  );
  if (cards === 0n && !REGULARS.has(request.owner)) {
    return { tag: "decline", val: "no GPU is asked for" };
  }
  const discount = DISCOUNTS.find((step) => cards >= step.cards);
  if (discount === undefined) {
    return { tag: "change", val: [] };
  }
  const total = request.builtin.quote?.usdPerMonth ?? "0";
  if (thousandths(total) >= thousandths("10000")) {
    log("info", `an order of ${total} USD a month: ${cards} cards for group ${request.order.group}`);
  }
  return { tag: "change", val: [{ tag: "multiply", val: discount.factor }] };
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
