type NumberArray = Int32Array | Uint32Array | Uint8Array | Float64Array;

/** A copy of `array` with room for `capacity` elements; the new ones are 0. */
export function enlarged<A extends NumberArray>(array: A, capacity: number): A {
  const copy = new (array.constructor as new (length: number) => A)(capacity);
  copy.set(array);
  return copy;
}
