/* What an export and its check.c ask of C's library; math.h, string.h and so on for `bare.c`. */
#ifndef BARE_H
#define BARE_H
#include <stddef.h>

typedef struct file FILE;
#define stdin ((FILE *)0)
#define stdout ((FILE *)1)
size_t fread(void *into, size_t size, size_t count, FILE *from);
size_t fwrite(const void *text, size_t size, size_t count, FILE *to);
int fflush(FILE *to);

void *malloc(size_t size);
_Noreturn void exit(int code);

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
size_t strlen(const char *text);
char *strchr(const char *text, int byte);
int strcmp(const char *one, const char *other);
int strncmp(const char *one, const char *other, size_t most);

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
double exp(double x);
double fabs(double x);
double floor(double x);
double log(double x);
double ldexp(double x, int power);
double rint(double x);
#endif
