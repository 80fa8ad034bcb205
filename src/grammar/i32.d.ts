/** A whole number of 32 bits, in what both languages read; for TypeScript it is a number like others. */
type i32 = number;
