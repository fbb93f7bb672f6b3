// Empty: with a file of assembly the compiler takes a function without a body, such as nanotime, from elsewhere.
