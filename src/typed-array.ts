type NumberArray = Int32Array | Uint8Array;

/** A copy of `array` with room for `capacity` elements; the new ones are 0. */
export function enlarged<A extends NumberArray>(array: A, capacity: number): A {
  const copy = new (array.constructor as new (length: number) => A)(capacity);
  copy.set(array);
  return copy;
}

/**
 * The same, but `array` is empty from then on: its memory is freed at once, not when it is collected.
 * Not for memory that native code has the address of.
 */
export function moved(
  array: Float64Array<ArrayBuffer>,
  capacity: number,
): Float64Array<ArrayBuffer> {
  return new Float64Array(array.buffer.transfer(capacity * array.BYTES_PER_ELEMENT));
}
