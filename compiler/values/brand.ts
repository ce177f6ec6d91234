/**
 * A value of type T that has been through its parser.
 *
 * The brand exists only for the type checker. The cast to it appears in the
 * parser of the type and nowhere else, so holding the type proves the check.
 */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };
