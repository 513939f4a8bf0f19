"""Pure statistics: numbers in, numbers out; numpy only. The same mathematics judges before and after shipping."""
