// An exception that nobody catches, for a probe that is written in C.
extern "C" void die_by_exception();

void die_by_exception()
{
    throw 42;
}
