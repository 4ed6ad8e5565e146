/* SPDX-License-Identifier: MIT */
/*
 * Numbers that come from other functions, from globals, or from nobody knows where: wrappers, those
 * who call them, and code that no table covers.
 */
#include "elf_builder.h"

#include "g2s/analysis/sites.h"

#include <string.h>

enum convention {
	C = 1,
	GO = 2,
	BOTH = C | GO,
};

struct example {
	const char *name;
	enum convention convention;
	const char *code;
	const char *wanted;
};

static const struct example WRAPPERS[] = {
	/* w: mov eax, edi; syscall.  mov edi, 5; call w */
	{"by register", BOTH, "w: 89f8 0f05 c3 f: bf05000000 .c: e8 =w c3", "c call 5 arg"},
	/* Go's Syscall6 from 1.19 on: rax is not touched at all. */
	{"by rax itself", BOTH, "w: 4889df 0f05 c3 f: b80c000000 .c: e8 =w c3", "c call 12 arg"},
	/* w: mov eax, [rsp+8].  sub rsp, 16; mov qword [rsp], 39; call w */
	{"by the stack", BOTH,
	 "w(8): 8b442408 0f05 c3 f: 4883ec10 48c7042427000000 .c: e8 =w 4883c410 c3",
	 "c call 39 arg"},
	/* push 39; call w; pop rax */
	{"by push", BOTH, "w(8): 488b442408 0f05 c3 f: 6a27 .c: e8 =w 58 c3", "c call 39 arg"},
	{"two callers", BOTH,
	 "w: 89f8 0f05 c3 f: bf05000000 .c: e8 =w bf06000000 .d: e8 =w c3",
	 "c call 5 arg; d call 6 arg"},
	{"the caller's choice of two", BOTH,
	 "w: 89f8 0f05 c3 f: bf05000000 85f6 74 ~c bf06000000 .c: e8 =w c3",
	 "c call 5 arg; c call 6 arg"},
	{"the caller's zero by 16 bytes", BOTH,
	 "w(8): 8b442408 0f05 c3 f: 4883ec18 0f57c0 0f110424 .c: e8 =w 4883c418 c3",
	 "c call 0 arg"},
	{"the caller's xmm15", GO,
	 "w(8): 8b442408 0f05 c3 f: 4883ec18 440f113c24 .c: e8 =w 4883c418 c3", "c call 0 arg"},
	/* movups [rsp-8], xmm15: its upper half is the argument. */
	{"the caller's xmm15 from below", GO,
	 "w(8): 8b442408 0f05 c3 f: 4883ec18 440f117c24f8 .c: e8 =w 4883c418 c3", "c call 0 arg"},
	/* The register or constant that the wrapper chooses. */
	{"a constant or the caller's", BOTH,
	 "w: 89f8 85f6 74 ~s b803000000 .s: 0f05 c3 f: bf05000000 .c: e8 =w c3",
	 "s syscall 3 imm; c call 5 arg"},
	{"of a wrapper", BOTH,
	 "w: 89f8 0f05 c3 v: 4889f7 e8 =w c3 f: be07000000 .c: e8 =v c3", "c call 7 arg"},
	/* From the stack to a register and back, as x/sys comes to Go's own wrappers. */
	{"of a wrapper of another convention", BOTH,
	 "w: 0f05 c3 v(8): 488b442408 e8 =w c3 f: 6a27 .c: e8 =v 58 c3", "c call 39 arg"},
	{"tail jump", BOTH, "w: 89f8 0f05 c3 f: bf05000000 .c: e9 =w", "c call 5 arg"},
	/* rex.W call; bnd call; data16 data16 rex.W jmp */
	{"call behind a prefix", BOTH, "w: 89f8 0f05 c3 f: bf05000000 .c: 48e8 =w c3",
	 "c call 5 arg"},
	{"tail jump behind prefixes", BOTH,
	 "w: 89f8 0f05 c3 f: bf05000000 .c: 666648e9 =w g: bf06000000 .d: f2e9 =w",
	 "c call 5 arg; d call 6 arg"},
	{"short tail jump behind a prefix", BOTH,
	 "w: 89f8 0f05 c3 f: bf05000000 .c: f2eb ~w", "c call 5 arg"},
	/* je past the prefix: the call begins in two places, with a number each. */
	{"call with a prefix and without", BOTH,
	 "w: 89f8 0f05 c3 f: bf05000000 85c0 74 ~d bf06000000 .c: 48 .d: e8 =w c3",
	 "c call 6 arg; d call 5 arg"},
	{"short tail jump", BOTH, "w: 89f8 0f05 c3 f: bf05000000 .c: eb ~w", "c call 5 arg"},
	{"conditional tail jump", C, "w: 89f8 0f05 c3 f: bf05000000 85f6 .c: 74 ~w c3",
	 "c call 5 arg"},
	{"long conditional tail jump", C, "w: 89f8 0f05 c3 f: bf05000000 85f6 .c: 0f84 =w c3",
	 "c call 5 arg"},
	/* x/sys: a function that is nothing but a jump; the stack is as it was. */
	{"bridge by a tail jump", BOTH,
	 "w(8): 8b442408 0f05 c3 b(8): e9 =w f: 6a27 .c: e8 =b 58 c3", "c call 39 arg"},
	{"bridge by a tail jump and a register", BOTH,
	 "w: 0f05 c3 b(8): 488b442408 e9 =w f: 6a27 .c: e8 =b 58 c3", "c call 39 arg"},
	/* Go 1.9 to 1.18: call entersyscall; mov rax, [rsp+8]; syscall */
	{"entersyscall before the load", GO,
	 "w(56): e8 =e 488b442408 0f05 c3 e(0): c3"
	 " f: 4883ec38 48c7042427000000 .c: e8 =w 4883c438 c3",
	 "c call 39 arg"},
	/* Go 1.19 on: sub rsp, 16; mov [rsp+8], rax; call entersyscall; mov rax, [rsp+8]; call v */
	{"entersyscall between spill and reload", GO,
	 "v(0): 0f05 c3 w(8): 4883ec10 4889442408 e8 =e 488b442408 e8 =v 4883c410 c3"
	 " e(0): c3 f: b827000000 .c: e8 =w c3",
	 "c call 39 arg"},
	/* The same with the spill in the caller's frame, as Go does it. */
	{"entersyscall, spill above the frame", GO,
	 "v(0): 0f05 c3 w(8): 4883ec10 4889442418 e8 =e 488b442418 e8 =v 4883c410 c3"
	 " e(0): c3 f: b827000000 .c: e8 =w c3",
	 "c call 39 arg"},
	/* mov rdi, [rsp+16]; mov rax, [rsp+8]; pop r12; syscall; push r12 */
	{"rawVforkSyscall", BOTH,
	 "w(40): 488b7c2410 488b442408 415c 0f05 4154 c3"
	 " f: 4883ec38 48c7042438000000 .c: e8 =w 4883c438 c3",
	 "c call 56 arg"},
	/* cmp rsp, [r14+16]; jbe g; ...; g: mov [rsp+8], rax; call more; mov rax, [rsp+8]; jmp w */
	{"stack growth", GO,
	 "w(8): 493b6610 76 ~g 4883ec10 0f05 4883c410 c3"
	 " .g: 4889442408 e8 =m 488b442408 eb ~w m(0): c3 f: b80c000000 .c: e8 =w c3",
	 "c call 12 arg"},
	{"stack growth of the stack convention", GO,
	 "w(8): 493b6610 76 ~g 4883ec10 8b442418 0f05 4883c410 c3 .g: e8 =m eb ~w m(0): c3"
	 " f: 6a27 .c: e8 =w 58 c3",
	 "c call 39 arg"},
	/* A call that does not return, filler, and then the growth: that path is none. */
	{"a call that does not return", GO,
	 "w(8): 8b442408 0f05 c3"
	 " v(8): 493b6610 76 ~g 4883ec18 488b442420 84db 74 ~p 48890424 e8 =w 4883c418 c3"
	 " .p: e8 =m 90 .g: e8 =m eb ~v m(0): c3"
	 " f: 6a27 .c: e8 =v 58 c3",
	 "c call 39 arg"},
	{"a call that does not return, register convention", GO,
	 "w(0): 0f05 c3"
	 " v(8): 493b6610 76 ~g 4883ec18 84db 74 ~p e8 =w 4883c418 c3"
	 " .p: 31c0 e8 =m 90 .g: 4889442408 e8 =m 488b442408 eb ~v m(0): c3"
	 " f: b827000000 .c: e8 =v c3",
	 "c call 39 arg"},
	/* The wrapper writes its argument's slot before it reads it. */
	{"an argument overwritten", BOTH,
	 "w(8): 48c744240803000000 8b442408 .s: 0f05 c3 f: 6a27 e8 =w 58 c3", "s syscall 3 imm"},
	/* The number is stored, then something is called whose result lies there. */
	{"a result in the argument's slot", GO,
	 "w(8): 8b442408 0f05 c3 r(8): 48c744240809000000 c3"
	 " f: 4883ec10 48c7042427000000 e8 =r .c: e8 =w 4883c410 c3",
	 "c call ? memory"},
	{"a number the caller computes", BOTH,
	 "w: 89f8 0f05 c3 f: 8b3e 0fafff .c: e8 =w c3", "c call ? memory"},
	{"a number an unknown callee computes", BOTH,
	 "w: 89f8 0f05 c3 f: ffd0 89c7 .c: e8 =w c3", "c call ? computed"},
	/* w: mov eax, edi; syscall; call w: rdi is as it came. */
	{"recursion", BOTH, "w: 89f8 0f05 85f6 74 ~x e8 =w .x: c3 f: bf05000000 .c: e8 =w c3",
	 "c call 5 arg"},
	/* w calls itself with 6. */
	{"recursion with a number", BOTH,
	 "w: 89f8 0f05 bf06000000 .r: e8 =w c3 f: bf05000000 .c: e8 =w c3",
	 "r call 6 arg; c call 5 arg"},
	/* v and w call each other; edi and esi change places at each call. */
	{"recursion of two", BOTH,
	 "w: 89f8 0f05 87f7 e8 =v c3 v: e8 =w c3 f: bf05000000 be06000000 .c: e8 =v c3",
	 "c call 5 arg; c call 6 arg"},
	{"int 0x80", BOTH, "w: 89f8 cd80 c3 f: bf05000000 .c: e8 =w c3", "c call 5/x86 arg"},
	/* One parameter for both: two tables, two rows. */
	{"both tables", BOTH, "w: 89f8 0f05 89f8 cd80 c3 f: bf05000000 .c: e8 =w c3",
	 "c call 5/x86 arg; c call 5 arg"},
	/* Code of another function that is part of this one's flow: cold parts. */
	{"a jump into another function", C,
	 "f: b827000000 eb ~m g: b803000000 .m: 0f05 c3", "m syscall 3 imm; m syscall 39 imm"},
	{"a call into another function", C,
	 "f: b827000000 .c: e8 =m c3 g: b803000000 .m: 0f05 c3",
	 "c call 39 arg; m syscall 3 imm"},
};

/* Functions of 16 bytes, so that the next one begins where they end. */
static const struct example FALLS[] = {
	/* mov edi, 5, then filler */
	{"runs on", C, "f: bf05000000 0f1f840000000000 .n: 0f1f00 w: 89f8 0f05 c3", "n call 5 arg"},
	{"runs on with the last instruction", C,
	 "f: 0f1f840000000000 0f1f00 .n: bf05000000 w: 89f8 0f05 c3", "n call 5 arg"},
	/* je f at the end */
	{"runs on when a branch is not taken", C,
	 "f: bf05000000 0f1f840000000000 90 .n: 74 ~f w: 89f8 0f05 c3", "n call 5 arg"},
	{"runs on with what it was given", C,
	 "f: 0f1f840000000000 0f1f840000000000 w: 89f8 0f05 c3 g: bf06000000 .c: e8 =f c3",
	 "c call 6 arg"},
	{"runs on, and others call", C,
	 "f: bf05000000 0f1f840000000000 .n: 0f1f00 w: 89f8 0f05 c3 g: bf06000000 .c: e8 =w c3",
	 "n call 5 arg; c call 6 arg"},
	/* INT3 up to the next function */
	{"runs into a trap", C, "f: bf05000000 90 w: 89f8 0f05 c3", "w call ? indirect"},
	{"returns before", C, "f: bf05000000 c3 0f1f840000000000 6690 w: 89f8 0f05 c3",
	 "w call ? indirect"},
	{"jumps away before", C, "f: bf05000000 ebf9 0f1f840000000000 90 w: 89f8 0f05 c3",
	 "w call ? indirect"},
	{"ends with a trap", C, "f: bf05000000 0f1f840000000000 90 0f0b w: 89f8 0f05 c3",
	 "w call ? indirect"},
	{"ends with a call", C,
	 "f: bf05000000 90909090 9090 e8 =g w: 89f8 0f05 c3 g: f4", "w call ? indirect"},
	{"is Go's", GO, "f: bf05000000 0f1f840000000000 0f1f00 w: 89f8 0f05 c3",
	 "w call ? indirect"},
};

static const struct example INDIRECT[] = {
	{"without callers", BOTH, "w: 89f8 0f05 c3", "w call ? indirect"},
	/* lea rax, [rip+w]; and a caller as well */
	{"address in code", BOTH,
	 "w: 89f8 0f05 c3 f: bf05000000 .c: e8 =w .t: 488d05 =w c3",
	 "c call 5 arg; t call ? indirect"},
	/* mov edi, w */
	{"address as an immediate", C, "w: 89f8 0f05 c3 f: .t: bf $w c3", "t call ? indirect"},
	/* movabs rdi, w */
	{"address as a long immediate", C, "w: 89f8 0f05 c3 f: .t: 48bf *w c3",
	 "t call ? indirect"},
	/* mov qword [rip+p], w */
	{"address stored", C, "w: 89f8 0f05 c3 f: .t: 48c705 =p-4 $w c3 %bss p: +8",
	 "t call ? indirect"},
	{"address in data", BOTH, "w: 89f8 0f05 c3 f: bf05000000 .c: e8 =w c3 %data p: *w",
	 "c call 5 arg; p call ? indirect"},
	{"address in data, packed", C, "w: 89f8 0f05 c3 %data +3 p: *w", "p call ? indirect"},
	{"address in data, short", C, "w: 89f8 0f05 c3 %data p: $w", "p call ? indirect"},
	/* lea rax, [rip+p]: p is a table of distances from its start */
	{"distance in a table", C,
	 "w: 89f8 0f05 c3 f: .t: 488d05 =p c3 %const p: @f,p .q: @w,p", "q call ? indirect"},
	/* Not all of it leads to code. */
	{"distance in another table", C,
	 "w: 89f8 0f05 c3 f: bf05000000 .c: e8 =w 488d05 =p c3 %const p: 00000000 .q: @w,p",
	 "c call 5 arg"},
	{"distance in no table", C,
	 "w: 89f8 0f05 c3 f: bf05000000 .c: e8 =w c3 %const p: 00000000 .q: @w,p", "c call 5 arg"},
	/* mov rax, 0xffffffffff600400; call rax */
	{"the vsyscall page", C, "f: .t: 48c7c0000460ff ffd0 c3", "t vdso 201 imm"},
	{"address in constant data", BOTH, "w: 89f8 0f05 c3 %const p: *w", "p call ? indirect"},
	/* Go's function values: who takes the word's address is the place to look at. */
	{"address in a function value", BOTH,
	 "w: 89f8 0f05 c3 f: .t: 488d05 =p c3 %const p: *w", "t call ? indirect"},
	/* The address of the wrapper's second instruction is nobody's. */
	{"address beside it", BOTH, "w: 89f8 .x: 0f05 c3 f: 488d05 =x bf05000000 .c: e8 =w c3",
	 "c call 5 arg"},
	/* mov eax, [rip+w]: reads code, does not take its address */
	{"code that is read", BOTH, "w: 89f8 0f05 c3 f: 8b05 =w bf05000000 .c: e8 =w c3",
	 "c call 5 arg"},
	/* call [rip+p], and nobody else */
	{"called through memory", BOTH, "w: 89f8 0f05 c3 f: bf05000000 ff15 =p c3 %data p: *w",
	 "p call ? indirect"},
	/* Bytes that look like a call inside of mov rax, imm64. */
	{"a call that is a constant", BOTH, "w: 89f8 0f05 c3 f: 48b8 e8 =w 000000 c3",
	 "w call ? indirect"},
	/* mov rsp, [rdi+48]; mov eax, esi; jmp [rdi+56]: longjmp. */
	{"off to another stack", C, "f: b827000000 .s: 0f05 488b6730 89f0 ff6738", "s syscall 39 imm"},
	/* mov [rip+g], rsp: it may come back to this one. */
	{"off to a stack, its own perhaps", C,
	 "f: 488925 =g b827000000 .s: 0f05 488b6730 89f0 ff6738 %bss g: +8",
	 "f call ? indirect; s syscall 39 imm"},
	{"the entry point", C, "start: 89f8 0f05 c3 f: bf05000000 .c: e8 =start c3",
	 "start call ? indirect; c call 5 arg"},
};

static const struct example GLOBALS[] = {
	/* mov eax, [rip+g] */
	{"initial value", BOTH, "f: 8b05 =g .s: 0f05 c3 %data g: 4800000000000000",
	 "s syscall 72 data"},
	{"initial zero", BOTH, "f: 8b05 =g .s: 0f05 c3 %bss g: +8", "s syscall 0 data"},
	{"8 bytes of it", BOTH, "f: 488b05 =g .s: 0f05 c3 %data g: 4800000000000000",
	 "s syscall 72 data"},
	/* mov dword [rip+g], 221 */
	{"and a store", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: c705 =g-4 dd000000 c3 %data g: 37000000",
	 "s syscall 55 data; s syscall 221 data"},
	/* mov eax, 221; mov [rip+g], eax */
	{"and a store by a register", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: b8dd000000 8905 =g c3 %data g: 37000000",
	 "s syscall 55 data; s syscall 221 data"},
	/* lea rdx, [rip+g]; mov dword [rdx], 221 */
	{"and a store by its address", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 488d15 =g c702dd000000 c3 %data g: 37000000",
	 "s syscall 55 data; s syscall 221 data"},
	/* xorps xmm0, xmm0; movups [rip+g-4], xmm0 */
	{"and a wide store", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 0f57c0 0f1105 =h c3 %data h: +8 g: 37000000 +4",
	 "s syscall 0 data; s syscall 55 data"},
	/* mov byte [rip+g], 3 */
	{"and a store to a part", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: c605 =g-1 03 c3 %data g: 37000000",
	 "s syscall ? computed; s syscall 55 data"},
	/* mov [rip+g], ecx, which came from memory */
	{"and an unknown store", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 488b0e 8b09 890d =g c3 %data g: 37000000",
	 "s syscall ? memory; s syscall 55 data"},
	/* add dword [rip+g], 1 */
	{"and a change", BOTH, "f: 8b05 =g .s: 0f05 c3 i: 8305 =g-1 01 c3 %data g: 37000000",
	 "s syscall ? computed; s syscall 55 data"},
	/* i(edi): mov [rip+g], edi.  The number is where it was chosen. */
	{"stored by a parameter", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 893d =g c3 k: bf05000000 .c: e8 =i c3 %data g: 37000000",
	 "s syscall 55 data; c call 5 arg"},
	/* mov eax, [rip+h]; mov [rip+g], eax */
	{"copied from another", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 8b05 =h 8905 =g c3 %data g: 37000000 h: 38000000",
	 "s syscall 55 data; s syscall 56 data"},
	/* The two are copied into each other. */
	{"copied in a circle", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 8b05 =h 8905 =g 8b05 =g 8905 =h c3"
	 " %data g: 37000000 h: 38000000",
	 "s syscall 55 data; s syscall 56 data"},
	/* A wrapper's argument from a global. */
	{"handed to a wrapper", BOTH,
	 "w: 89f8 0f05 c3 f: 8b3d =g .c: e8 =w c3 %data g: 48000000", "c call 72 data"},
	{"constant memory", BOTH, "w: 89f8 0f05 c3 f: 8b3d =g .c: e8 =w c3 %const g: 48000000",
	 "c call 72 arg"},
	/* lea rdi, [rip+g]; mov rax, rdi; call x, which uses them */
	{"address given away", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 488d3d =g 4889f8 e8 =x c3 x: c70703000000 c70003000000 c3"
	 " %data g: 37000000",
	 "s syscall ? memory; s syscall 55 data"},
	/* lea rdi, [rip+g]; mov [rsi], rdi */
	{"address stored away", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 i: 488d3d =g 48893e c3 %data g: 37000000",
	 "s syscall ? memory; s syscall 55 data"},
	{"address in data", BOTH,
	 "f: 8b05 =g .s: 0f05 c3 %data g: 37000000 +4 p: *g",
	 "s syscall ? memory; s syscall 55 data"},
	/* mov eax, [rdi*8+t], a table that can change */
	{"one of a table", BOTH, "f: 8b04fd $t .s: 0f05 c3 %data t: 0100000000000000",
	 "s syscall ? memory"},
	{"one of a constant table", BOTH, "f: 8b04fd $t .s: 0f05 c3 %const t: 0100000000000000",
	 "s syscall ? memory"},
	/* The vsyscall page's address in data: Go 1.15 and before. */
	{"vsyscall page", GO, "f: c3 %data p: 000060ffffffffff",
	 "p vdso 96 data; p vdso 228 data"},
};

/* Numbers that are loaded from behind a pointer. */
static const struct example BEHIND[] = {
	/*
	 * w: mov eax, [rdi]; xor edi, edi; syscall.  f: mov dword [rsp], 105; mov rdi, rsp;
	 * call w
	 */
	{"the caller's place on the stack", C,
	 "w: 8b07 31ff 0f05 c3 f: 4883ec18 c7042469000000 4889e7 .c: e8 =w 4883c418"
	 " c3",
	 "c call 105 arg"},
	/* v: add rdi, 8; jmp w */
	{"through another function, and further on", C,
	 "w: 8b4704 31ff 0f05 c3 v: 4883c708 e9 =w f: 4883ec18 c744240c69000000"
	 " 4889e7 .c: e8 =v 4883c418 c3",
	 "c call 105 arg"},
	/* One of two numbers. */
	{"by a jump from before", C,
	 "w: 8b07 31ff 0f05 c3 f: 4883ec18 c7042469000000 4889e7 85f6 74 ~d"
	 " c7042471000000 .d: .c: e8 =w 4883c418 c3",
	 "c call 105 arg; c call 113 arg"},
	/* lea rdi, [rip+g] */
	{"a constant address", C,
	 "w: 8b07 31ff 0f05 c3 f: 488d3d =g .c: e8 =w c3 %data g: 37000000",
	 "c call 55 data"},
	/* mov dword [rdi+4], 3 */
	{"beside what the wrapper writes", C,
	 "w: c7470403000000 8b07 31ff 0f05 c3 f: 4883ec18 c7042469000000 4889e7 .c:"
	 " e8 =w 4883c418 c3",
	 "c call 105 arg"},
	{"what the wrapper writes itself", C,
	 "w: c70703000000 8b07 31ff .s: 0f05 c3 f: 4883ec18 c7042469000000 4889e7"
	 " .c: e8 =w 4883c418 c3",
	 "s syscall ? memory; c call 105 arg"},
	/*
	 * x: mov dword [rdi+4], 3.  w: push rbx; mov rbx, rdi; lea rdi, [rdi-4]; call x;
	 * mov eax, [rbx]
	 */
	{"what a function writes that the wrapper calls", C,
	 "x: c7470403000000 c3 w: 53 4889fb 488d7ffc e8 =x 8b03 31ff 5b .s: 0f05 c3"
	 " f: 4883ec18 c7042469000000 4889e7 .c: e8 =w 4883c418 c3",
	 "s syscall ? memory; c call 105 arg"},
	{"beside what a function writes", C,
	 "x: c7470403000000 c3 w: 53 4889fb e8 =x 8b03 31ff 5b 0f05 c3 f: 4883ec18"
	 " c7042469000000 4889e7 .c: e8 =w 4883c418 c3",
	 "c call 105 arg"},
	{"handed to the kernel", C,
	 "w: 8b07 .s: 0f05 c3 f: 4883ec18 c7042469000000 4889e7 .c: e8 =w 4883c418"
	 " c3",
	 "s syscall ? memory; c call 105 arg"},
	/* mov ebx, [rdi]; mov eax, 39; syscall; mov eax, ebx */
	{"handed to getpid", C,
	 "w: 53 8b1f b827000000 .s: 0f05 89d8 31ff 5b .t: 0f05 c3 f: 4883ec18"
	 " c7042469000000 4889e7 .c: e8 =w 4883c418 c3",
	 "s syscall 39 imm; c call 105 arg"},
	/* mov rbx, rdi; call rsi; mov eax, [rbx] */
	{"handed to an unknown function", C,
	 "w: 53 4889fb ffd6 8b03 31ff 5b .s: 0f05 c3 f: 4883ec18 c7042469000000 4889e7 .c:"
	 " e8 =w 4883c418 c3",
	 "s syscall ? memory; c call 105 arg"},
	/* mov [rsi], rdi */
	{"stored away", C,
	 "w: 48893e 8b07 31ff .s: 0f05 c3 f: 4883ec18 c7042469000000 4889e7 .c: e8"
	 " =w 4883c418 c3",
	 "s syscall ? memory; c call 105 arg"},
	/* add rdi, 4; mov dword [rdi], 3 */
	{"counted on by a loop", C,
	 "w: 8b07 .l: 4883c704 c70703000000 85f6 75 ~l 31ff .s: 0f05 c3 f: 4883ec18"
	 " c7042469000000 4889e7 .c: e8 =w 4883c418 c3",
	 "s syscall ? memory; c call 105 arg"},
	/* mov dword [rsi], 3.  mov rsi, rsp */
	{"two pointers to one place", C,
	 "w: c70603000000 8b07 31ff 0f05 c3 f: 4883ec18 c7042469000000 4889e7 4889e6"
	 " .c: e8 =w 4883c418 c3",
	 "c call ? memory; c call 105 arg"},
	{"two pointers, one of no use", C,
	 "w: 8b07 31ff 31f6 0f05 c3 f: 4883ec18 c7042469000000 4889e7 4889e6 .c: e8"
	 " =w 4883c418 c3",
	 "c call 105 arg"},
	/* x: mov [rsi], rdi */
	{"a place that others know already", C,
	 "w: 8b07 31ff 0f05 c3 x: 48893e c3 f: 4883ec18 4889e7 e8 =x c7042469000000"
	 " 4889e7 .c: e8 =w 4883c418 c3",
	 "c call ? memory; c call 105 arg"},
	/* w: mov [rip+g], rdi.  h: mov rax, [rip+g]; mov eax, [rax]; syscall */
	{"by a global", C,
	 "w: 48893d =g 31ff c3 h: 488b05 =g 8b00 0f05 c3 f: 4883ec18 c7042469000000"
	 " 4889e7 .c: e8 =w 4883c418 c3 %bss g: +8",
	 "c call 105 arg"},
	/* k: mov rcx, [rip+g]; mov dword [rcx], 3 */
	{"by a global, and written there", C,
	 "w: 48893d =g 31ff c3 h: 488b05 =g 8b00 .s: 0f05 c3 k: 488b0d =g"
	 " c70103000000 c3 f: 4883ec18 c7042469000000 4889e7 .c: e8 =w 4883c418 c3"
	 " %bss g: +8",
	 "s syscall ? memory; c call 105 arg"},
	{"by a global, and written beside", C,
	 "w: 48893d =g 31ff c3 h: 488b05 =g 8b00 .s: 0f05 c3 k: 488b0d =g"
	 " c7410403000000 c3 f: 4883ec18 c7042469000000 4889e7 .c: e8 =w 4883c418 c3"
	 " %bss g: +8",
	 "c call 105 arg"},
	/* mov dword [rsp], 106 */
	{"by a global, and changed after the call", C,
	 "w: 48893d =g 31ff c3 h: 488b05 =g 8b00 0f05 c3 f: 4883ec18 c7042469000000"
	 " 4889e7 .c: e8 =w c704246a000000 4883c418 c3 %bss g: +8",
	 "c call 105 arg; c call 106 arg"},
	/* k: mov rcx, [rsi]; mov [rip+g], rcx */
	{"by a global that others set", C,
	 "w: 48893d =g 31ff c3 h: 488b05 =g 8b00 .s: 0f05 c3 k: 488b0e 48890d =g c3"
	 " f: 4883ec18 c7042469000000 4889e7 .c: e8 =w 4883c418 c3 %bss g: +8",
	 "s syscall ? memory; c call 105 arg"},
	{"by a global the address of which is known", C,
	 "w: 48893d =g 31ff c3 h: 488b05 =g 8b00 .s: 0f05 c3 f: 4883ec18"
	 " c7042469000000 4889e7 .c: e8 =w 4883c418 c3 %bss g: +8 %data p: *g",
	 "s syscall ? memory; c call 105 arg"},
};

/* No symbols and no tables: functions are what is called. */
static const struct example BARE[] = {
	{"behind a prefix", C, "f: b827000000 .s: 480f05 b801000000 .t: 66cd80 c3",
	 "s syscall 39 imm; t int80 1/x86 imm"},
	/* je over the prefix: the instruction begins in two places, with a number each. */
	{"with a prefix and without", C,
	 "f: b827000000 85ff 74 ~t b828000000 .s: 48 .t: 0f05 c3",
	 "s syscall 40 imm; t syscall 39 imm"},
	{"code alone", C, "%nosym b827000000 .s: 0f05 c3", "s syscall 39 imm"},
	{"behind other code", C, "%nosym 31c0 c3 cccc 89c0 c3 b827000000 .s: 0f05 c3",
	 "s syscall 39 imm"},
	{"a wrapper", C, "%nosym .w: 89f8 0f05 c3 .f: bf05000000 .c: e8 =w c3", "c call 5 arg"},
	{"a wrapper at the start, jumped to from behind", C,
	 "%nosym .w: 89f8 0f05 c3 cccc bf05000000 .c: e9 =w cccc bf06000000 .d: 66e9 =w",
	 "c call 5 arg; d call 6 arg"},
	{"a wrapper behind its caller", C,
	 "%nosym .f: bf05000000 .c: e8 =w c3 .w: 89f8 0f05 c3", "c call 5 arg"},
	/* Bytes that are no instruction do not hide what follows. */
	{"behind bytes that are no code", C, "%nosym c3 06 0e 16 1e b827000000 .s: 0f05 c3",
	 "s syscall 39 imm"},
	/* What is before the entry point would swallow its first instructions. */
	{"behind bytes that are no code, at the entry point", C,
	 "%nosym 00 .start: 90b83c000000 .s: 0f05 c3", "s syscall 60 imm"},
	{"a function before the entry point", C,
	 "%nosym b827000000 .s: 0f05 c3 00 .start: 90b83c000000 .t: 0f05 c3",
	 "s syscall 39 imm; t syscall 60 imm"},
	{"constants that look like it", C, "%nosym b80f050000 c3", ""},
	{"at the very end", C, "%nosym b827000000 .s: 0f05", "s syscall 39 imm"},
	{"cut at the end", C, "%nosym b827000000 .s: 0f05 b827000000 0f",
	 "s syscall 39 imm"},
};

static void check(void **state)
{
	const struct example *example = *state;
	char text[1024];
	if ((example->convention & C) != 0) {
		builder_expect(example->code, example->wanted);
	}
	if ((example->convention & GO) != 0) {
		assert_in_range(snprintf(text, sizeof(text), "%%go %s", example->code), 1,
		                sizeof(text) - 1);
		builder_expect(text, example->wanted);
	}
}

static void lists_raw_sites(void **state)
{
	(void)state;
	static struct builder_program program;
	struct g2s_program scanned;
	struct g2s_error err;
	builder_assemble(&program, "w: 89f8 .a: 0f05 .b: cd80 b80f05cd80 c3"
	                           " f: bf05000000 e8 =w .c: 0f34");
	const struct g2s_bytes bytes = {program.file, program.size};
	assert_int_equal(g2s_program_open(&scanned, bytes, &err), G2S_OK);
	assert_int_equal(g2s_program_scan(&scanned, &err), G2S_OK);
	assert_int_equal(scanned.raw_count, 3);
	static const char *const labels[] = {"a", "b", "c"};
	static const char *const vias[] = {"syscall", "int80", "sysenter"};
	for (size_t i = 0; i < COUNT(labels); i++) {
		assert_int_equal(scanned.raw_sites[i].addr, builder_label(&program, labels[i]));
		assert_string_equal(scanned.arch->entries[scanned.raw_sites[i].entry].via, vias[i]);
	}
	g2s_program_free(&scanned);
}

/* What is no program for this machine is refused, and can be freed all the same. */
static void refuses(void **state)
{
	(void)state;
	static struct builder_program program;
	struct g2s_program scanned;
	struct g2s_error err = {0};
	builder_assemble(&program, "f: b827000000 0f05 c3");
	const struct g2s_bytes bytes = {program.file, program.size};
	/* e_machine: AArch64, then i386, which is no 64-bit machine. */
	static const uint8_t machines[] = {183, 3, 0};
	for (size_t i = 0; i < COUNT(machines); i++) {
		program.file[18] = machines[i];
		assert_int_equal(g2s_program_open(&scanned, bytes, &err), G2S_ERR_FORMAT);
		assert_non_null(strstr(err.text, "not supported"));
		g2s_program_free(&scanned);
	}
	/* x86-64 code in a file of 32-bit headers: x32. */
	program.file[18] = 62;
	program.file[4] = 1;
	assert_int_equal(g2s_program_open(&scanned, bytes, &err), G2S_ERR_FORMAT);
	g2s_program_free(&scanned);
}

static size_t add_tests(struct CMUnitTest *tests, const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tests[i] = (struct CMUnitTest){
			.name = examples[i].name,
			.test_func = check,
			.initial_state = (void *)(uintptr_t)&examples[i],
		};
	}
	return count;
}

int main(void)
{
	struct CMUnitTest tests[COUNT(WRAPPERS) + COUNT(FALLS) + COUNT(INDIRECT) + COUNT(GLOBALS) +
	                        COUNT(BEHIND) + COUNT(BARE) + 2];
	size_t count = add_tests(tests, WRAPPERS, COUNT(WRAPPERS));
	count += add_tests(tests + count, FALLS, COUNT(FALLS));
	count += add_tests(tests + count, INDIRECT, COUNT(INDIRECT));
	count += add_tests(tests + count, GLOBALS, COUNT(GLOBALS));
	count += add_tests(tests + count, BEHIND, COUNT(BEHIND));
	count += add_tests(tests + count, BARE, COUNT(BARE));
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(lists_raw_sites);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(refuses);
	return cmocka_run_group_tests_name("sites", tests, NULL, NULL);
}
