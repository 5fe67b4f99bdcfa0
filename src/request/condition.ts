import { BerthError, escapeControls, nearest } from "../base/index.ts";
import type { ConditionRequest } from "./request.ts";
import { MAX_VALUE, shorten } from "./shorten.ts";

export const PROPERTIES = ["arch", "brand", "cuda", "driver"] as const;
export type Property = (typeof PROPERTIES)[number];

/** Two signs before the one that they begin with. */
export const OPERATORS = ["!=", "<=", ">=", "<", ">", "="] as const;
export type Operator = (typeof OPERATORS)[number];

/** `cuda>=12.8` */
export interface Term {
  readonly property: Property;
  readonly operator: Operator;
  /** A version, or a brand in small letters. */
  readonly value: string;
  /** As it was written. */
  readonly text: string;
}

/** Alternatives, one of which has to hold; of one alternative every term has to hold. */
export interface Condition {
  readonly variable: string;
  readonly text: string;
  readonly alternatives: readonly (readonly Term[])[];
}

/**
 * Reads the value of a `NVIDIA_REQUIRE_*`: a blank is "or", a comma "and", a term is a property, an operator and a value. The whole text is read,
 * also behind an alternative that holds. Throws BERTH-R006, which quotes the term. Rule: the requirement language of libnvidia-container.
 */
export function parseCondition({ variable, text }: ConditionRequest): Condition {
  if (text.length > MAX_VALUE) throw malformed(text, variable, `it has more than ${MAX_VALUE} characters`);
  const alternatives = text
    .split(/\s+/)
    .map((alternative) => alternative.split(",").filter((term) => term !== ""))
    .filter((terms) => terms.length > 0);
  return { variable, text, alternatives: alternatives.map((terms) => terms.map((term) => parseTerm(term, variable))) };
}

function parseTerm(text: string, variable: string): Term {
  const [, name = "", sign = "", value = ""] = /^([^=!<>]*)([=!<>]*)(.*)$/.exec(text) ?? [];
  const property = PROPERTIES.find((known) => known === name.toLowerCase());
  const operator = OPERATORS.find((known) => known === sign);
  const fault = findFault({ name, sign, value, property, operator });
  if (fault !== undefined || property === undefined || operator === undefined) throw malformed(text, variable, fault);
  return { property, operator, value: value.toLowerCase(), text: shorten(text) };
}

interface Parts {
  readonly name: string;
  readonly sign: string;
  readonly value: string;
  readonly property: Property | undefined;
  readonly operator: Operator | undefined;
}

function findFault({ name, sign, value, property, operator }: Parts): string | undefined {
  if (sign === "") return `it has no operator (${OPERATORS.join(" ")})`;
  if (operator === undefined) return `"${sign}" is no operator (${OPERATORS.join(" ")})`;
  if (property === undefined) return explainName(name);
  if (property !== "brand") {
    return /^\d{1,9}(\.\d{1,9}){0,7}$/.test(value) ? undefined : `"${shorten(value)}" is no version`;
  }
  if (operator !== "=" && operator !== "!=") return "brands can only be compared by = and !=";
  return /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(value) ? undefined : `"${shorten(value)}" is no brand`;
}

function explainName(name: string): string {
  const near = nearest(name.toLowerCase(), PROPERTIES);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return `there is no property "${shorten(name)}" (there are ${PROPERTIES.join(", ")})${hint}`;
}

function malformed(text: string, variable: string, fault = "it cannot be read"): BerthError {
  return new BerthError({
    code: "BERTH-R006",
    message: `Cannot read "${escapeControls(shorten(text))}" in ${escapeControls(shorten(variable))}: ${escapeControls(fault)}`,
    remedy: `write it as PROPERTY OPERATOR VALUE, such as cuda>=12.8, or start the container with NVIDIA_DISABLE_REQUIRE=1`,
  });
}
