"""Twenty edits of bison's calculator, in their order: what is changed in which file, and lines that
are calculated after it. An edit replaces a text, which must be there once.

The answers are compared with those of the same program that was started with the edited source and
has been given all lines so far. So an edit may change what later lines mean, not what earlier ones
did."""

GRAMMAR, HEADER = "mfcalc.y", "calc.h"

# Its nodes are of a type that hotrun knows, so that they may change: the one line for hotrun in it.
ADAPTED = (GRAMMAR, "(symrec *) malloc (sizeof (symrec))", "hotrun_alloc (calc_host, symrec, 1)")

FIRST = ["a = 3", "bee = a + 0.25", "sqrt(16) + bee", "c + 1", "sin(0)", "1 +", "12345.678 * 3"]

EDITS = [
    ("a field at the end of the nodes",
     [(HEADER, "  struct symrec *next;  /* link field */\n",
       "  struct symrec *next;  /* link field */\n  int uses;\n")],
     ["a", "bee * 2", "dee = 4", "cos(0)"]),
    ("the link comes first",
     [(HEADER, "  struct symrec *next;  /* link field */\n", ""),
      (HEADER, "struct symrec\n{\n", "struct symrec\n{\n  struct symrec *next;\n")],
     ["dee - a", "eff = dee ^ 2", "ln(exp(2))"]),
    ("an operator",
     [(GRAMMAR, "%left '*' '/'", "%left '*' '/' '%'"),
      (GRAMMAR, "| '-' exp  %prec NEG", "| exp '%' exp        { $$ = fmod ($1, $3);          }\n"
       "| '-' exp  %prec NEG")],
     ["17 % 5", "eff % 3", "bee"]),
    ("the kind of a symbol is a long",
     [(HEADER, "int type;    ", "long type;   "),
      (GRAMMAR, "return s->type;", "return (int) s->type;")],
     ["sqrt(eff)", "a = a + 1", "a"]),
    ("another format",
     [(GRAMMAR, '"%.10g\\n", $1', '"= %.10g\\n", $1')],
     ["a", "1/3", "g = 10"]),
    ("globals in front of the table",
     [(GRAMMAR, "symrec *sym_table;", "double answers[4];\nint answer_count = 0;\nsymrec *sym_table;")],
     ["g + a", "h = g * 2"]),
    ("answers can be kept",
     [(GRAMMAR, "| error '\\n'", "| '!' exp '\\n' { answers[answer_count++ % 4] = $2; }\n"
       "| '?' '\\n'    { printf (\"%g %g %g\\n\", answers[0], answers[1], answers[2]); }\n"
       "| error '\\n'"),
      (GRAMMAR, "  void yyerror (char const *);\n",
       "  void yyerror (char const *);\n  extern double answers[];\n  extern int answer_count;\n")],
     ["!11", "!a * 2", "?"]),
    ("more answers are kept, and they are floats",
     [(GRAMMAR, "double answers[4];", "float answers[40];"), (GRAMMAR, "answer_count++ % 4", "answer_count++ % 40"),
      (GRAMMAR, "extern double answers[];", "extern float answers[];")],
     ["?", "!0.5", "i = 4", "?"]),
    ("the size of a static buffer is an int",
     [(GRAMMAR, "static ptrdiff_t bufsize = 0;", "static int bufsize = 0;"),
      (GRAMMAR, "bufsize = 2 * bufsize + 40;", "bufsize = 2 * bufsize + 4;")],
     ["averyveryverylongnameofmorethanfortylettersinall = 5", "averyveryverylongnameofmorethanfortylettersinall", "?"]),
    ("a name's beginning in the node",
     [(HEADER, "  char *name;  /* name of symbol */", "  char shown[6];\n  char *name;  /* name of symbol */"),
      (GRAMMAR, "  res->type = sym_type;", "  strncpy (res->shown, name, 5);\n  res->type = sym_type;")],
     ["newname = 7", "newname + a"]),
    ("what a result goes through, as a pointer to a function",
     [(GRAMMAR, "symrec *sym_table;", "static double as_is (double x) { return x; }\n"
       "static double halved (double x) { return x / 2; }\nfunc_t *finish = as_is;\nsymrec *sym_table;"),
      (GRAMMAR, "| exp '\\n'   { ", "| exp '\\n'   { $1 = finish ($1); "),
      (GRAMMAR, "| '?' '\\n'", "| '/' '\\n'    { finish = halved; }\n| '?' '\\n'"),
      (GRAMMAR, "  extern int answer_count;\n", "  extern int answer_count;\n  extern func_t *finish;\n"
       "  static double halved (double);\n")],
     ["8", "/", "8", "a"]),
    ("functions in another order",
     [(GRAMMAR, "static double as_is (double x) { return x; }\n"
       "static double halved (double x) { return x / 2; }\n",
       "static double thirds (double x) { return x / 3; }\n"
       "static double halved (double x) { return x / 2; }\n"
       "func_t *other = thirds;\n"
       "static double as_is (double x) { return x; }\n")],
     ["8", "averyveryverylongnameofmorethanfortylettersinall"]),
    ("a prompt, as a pointer to a text",
     [(GRAMMAR, "func_t *other = thirds;", "func_t *other = thirds;\nchar const *prompt = \"\";"),
      (GRAMMAR, "\"= %.10g\\n\", $1", "\"%s= %.10g\\n\", prompt, $1"),
      (GRAMMAR, "| '/' '\\n'", "| '>' '\\n'    { prompt = \"calc> \"; }\n| '/' '\\n'"),
      (GRAMMAR, "  extern func_t *finish;\n", "  extern func_t *finish;\n  extern char const *prompt;\n")],
     ["1", ">", "2"]),
    ("other texts around it",
     [(GRAMMAR, "static double thirds", "char const *around[] = {\"one\", \"two\", \"three\"};\nstatic double thirds"),
      (GRAMMAR, '"%s= %.10g\\n"', '"%s= %.9g\\n"')],
     ["1/3", "h"]),
    ("a node has a color",
     [(HEADER, "/* Data type for links", "enum color { RED, GREEN, BLUE };\n/* Data type for links"),
      (HEADER, "  int uses;\n", "  int uses;\n  enum color color;\n"),
      (GRAMMAR, "  res->type = sym_type;", "  res->color = (enum color) (strlen (name) % 3);\n  res->type = sym_type;")],
     ["jj = 2", "kkk = 3", "l = 4"]),
    ("colors can be asked for",
     [(GRAMMAR, "| '>' '\\n'", "| '#' VAR '\\n' { printf (\"%s\\n\", $2->color == RED ? \"red\" : $2->color == GREEN ? \"green\" : \"blue\"); }\n"
       "| '>' '\\n'")],
     ["#jj", "#kkk", "#l"]),
    ("colors have other numbers",
     [(HEADER, "enum color { RED, GREEN, BLUE };", "enum color { NONE, BLUE, RED, GREEN = 9 };"),
      (GRAMMAR, "(enum color) (strlen (name) % 3)",
       "strlen (name) % 3 == 0 ? RED : strlen (name) % 3 == 1 ? GREEN : BLUE")],
     ["#jj", "#kkk", "#l", "mm = 1", "#mm"]),
    ("the count of uses has another name, and is counted",
     [(HEADER, "  int uses;\n", "  long reads;\n"),
      (HEADER, "  enum color color;\n", "  enum color color;\n  HOTRUN_RENAMED (reads, uses);\n"),
      (GRAMMAR, "| VAR                { ", "| VAR                { $1->reads++; ")],
     ["jj + kkk", "jj"]),
    ("a field is gone",
     [(HEADER, "  char shown[6];\n", ""), (GRAMMAR, "  strncpy (res->shown, name, 5);\n", "")],
     ["jj", "nnn = bee", "#nnn"]),
    ("functions and texts once more in another order",
     [(GRAMMAR, "static double halved (double x) { return x / 2; }\n", ""),
      (GRAMMAR, "char const *around[] =", "static double halved (double x) { return x / 2.0; }\n"
       "char const *around[] =")],
     ["a + bee + dee + eff + g + h + i + jj + kkk + l + mm + nnn", "sqrt(averyveryverylongnameofmorethanfortylettersinall)",
      "cos(0)"]),
]
