/* SPDX-License-Identifier: MIT */
/*
 * What reaches the kernel within one function: small pieces of machine code, as compilers and
 * assembler writers make them.  The places and numbers wanted are worked out by hand.
 */
#include "elf_builder.h"

#include <stdlib.h>
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

/* Constants, and what instructions make of them. */
static const struct example CONSTANTS[] = {
	{"mov eax, imm", BOTH, "f: b827000000 .s: 0f05 c3", "s syscall 39 imm"},
	{"xor eax, eax", BOTH, "f: 31c0 .s: 0f05 c3", "s syscall 0 imm"},
	{"sub rax, rax", BOTH, "f: 4829c0 .s: 0f05 c3", "s syscall 0 imm"},
	{"mov rax, imm32", BOTH, "f: 48c7c0e7000000 .s: 0f05 c3", "s syscall 231 imm"},
	/* The kernel looks at 32 bits; sign extension is above them. */
	{"mov rax, imm32, negative", BOTH, "f: 48c7c0ffffffff .s: 0f05 c3",
	 "s syscall 4294967295 imm"},
	{"mov rax, imm64", BOTH, "f: 48b8270000000f000000 .s: 0f05 c3", "s syscall 39 imm"},
	/* push 60; pop rax */
	{"push and pop", BOTH, "f: 6a3c 58 .s: 0f05 c3", "s syscall 60 imm"},
	/* xor edi, edi; lea eax, [rdi+42] */
	{"lea as addition", BOTH, "f: 31ff 8d472a .s: 0f05 c3", "s syscall 42 imm"},
	/* mov edi, 3; mov esi, 4; lea eax, [rdi+rsi*8+2] */
	{"lea with index", BOTH, "f: bf03000000 be04000000 8d44f702 .s: 0f05 c3",
	 "s syscall 37 imm"},
	/* mov edi, 39; mov rsi, rdi; mov eax, esi */
	{"copies", BOTH, "f: bf27000000 4889fe 89f0 .s: 0f05 c3", "s syscall 39 imm"},
	/* mov edi, 39; xchg rax, rdi */
	{"xchg", BOTH, "f: bf27000000 4897 .s: 0f05 c3", "s syscall 39 imm"},
	/* mov eax, 39; xchg eax, edi */
	{"xchg away", C, "f: b827000000 be01000000 96 .s: 0f05 c3", "s syscall 1 imm"},
	{"neg", BOTH, "f: b8c5ffffff f7d8 .s: 0f05 c3", "s syscall 59 imm"},
	{"not", BOTH, "f: b8c4ffffff f7d0 .s: 0f05 c3", "s syscall 59 imm"},
	/* mov eax, 30; shl eax, 1; inc eax */
	{"shl, inc", BOTH, "f: b81e000000 d1e0 ffc0 .s: 0f05 c3", "s syscall 61 imm"},
	/* mov eax, 0x200; shr eax, 3; dec eax */
	{"shr, dec", BOTH, "f: b800020000 c1e803 ffc8 .s: 0f05 c3", "s syscall 63 imm"},
	/* mov edi, -8; sar edi, 1; mov eax, 50; add eax, edi */
	{"sar, add", BOTH, "f: bff8ffffff d1ff b832000000 01f8 .s: 0f05 c3", "s syscall 46 imm"},
	/* mov edi, 3; imul eax, edi, 20 */
	{"imul", BOTH, "f: bf03000000 6bc714 .s: 0f05 c3", "s syscall 60 imm"},
	/* mov eax, 0xff; and eax, 0x3c; or eax, 1; xor eax, 2 */
	{"and, or, xor", BOTH, "f: b8ff000000 83e03c 83c801 83f002 .s: 0f05 c3",
	 "s syscall 63 imm"},
	/* mov eax, 60; or rax, -1: the immediate is sign-extended */
	{"sign-extended immediate", BOTH, "f: b83c000000 4883c8ff .s: 0f05 c3",
	 "s syscall 4294967295 imm"},
	/* xor eax, eax; mov al, 60 */
	{"mov al", BOTH, "f: 31c0 b03c .s: 0f05 c3", "s syscall 60 imm"},
	/* mov eax, 0x100; mov al, 60 */
	{"mov al keeps the rest", BOTH, "f: b800010000 b03c .s: 0f05 c3", "s syscall 316 imm"},
	/* mov eax, 0x1ff; mov ah, 0 */
	{"mov ah", BOTH, "f: b8ff010000 b400 .s: 0f05 c3", "s syscall 255 imm"},
	/* mov ecx, 0x2700; xor eax, eax; mov al, ch */
	{"ch to al", BOTH, "f: b900270000 31c0 88e8 .s: 0f05 c3", "s syscall 39 imm"},
	/* mov eax, 0x10000; mov ax, 2 */
	{"mov ax", BOTH, "f: b800000100 66b80200 .s: 0f05 c3", "s syscall 65538 imm"},
	/* mov rax, -1; mov eax, 2: the upper half is cleared, and does not matter */
	{"mov eax over rax", BOTH, "f: 48c7c0ffffffff b802000000 48c1e820 .s: 0f05 c3",
	 "s syscall 0 imm"},
	/* mov al, 60: what is above came from elsewhere */
	{"mov al alone", C, "f: 8b07 b03c .s: 0f05 c3", "s syscall ? computed"},
	/* mov eax, [rdi]; mov al, 60; movzx eax, al */
	{"mov al, taken out again", C, "f: 8b07 b03c 0fb6c0 .s: 0f05 c3", "s syscall 60 imm"},
	/* mov eax, [rdi]; cmp esi, 5; setle al; movzx eax, al; add rax, 146 */
	{"setle", C, "f: 8b07 83fe05 0f9ec0 0fb6c0 480592000000 .s: 0f05 c3",
	 "s syscall 146 imm; s syscall 147 imm"},
	/* mov eax, [rdi]; mov al, 60; movzx eax, ax: of two bytes one is known */
	{"mov al, with what is above", C, "f: 8b07 b03c 0fb7c0 .s: 0f05 c3",
	 "s syscall ? computed"},
	/* mov eax, 0x127; test esi, esi; jne; mov eax, 0x227; mov al, 1: each keeps what is above */
	{"mov al of two", C, "f: b827010000 85f6 75 ~t b827020000 .t: b001 .s: 0f05 c3",
	 "s syscall 257 imm; s syscall 513 imm"},
	/* mov edi, -1; movsxd rax, edi; and eax, 0x7f */
	{"movsxd", BOTH, "f: bfffffffff 4863c7 83e07f .s: 0f05 c3", "s syscall 127 imm"},
	/* mov edi, 0x127; movzx eax, dil */
	{"movzx", BOTH, "f: bf27010000 400fb6c7 .s: 0f05 c3", "s syscall 39 imm"},
	/* mov edi, 0xfe; movsx eax, dil; neg eax */
	{"movsx", BOTH, "f: bffe000000 400fbec7 f7d8 .s: 0f05 c3", "s syscall 2 imm"},
	/* mov eax, -2; cdqe; shr rax, 60 */
	{"cdqe", BOTH, "f: b8feffffff 4898 48c1e83c .s: 0f05 c3", "s syscall 15 imm"},
	/* mov edi, 39; movd xmm0, edi; movd eax, xmm0 */
	{"through a vector", BOTH, "f: bf27000000 660f6ec7 660f7ec0 .s: 0f05 c3",
	 "s syscall 39 imm"},
	/* mov edi, 39; movq xmm1, rdi; movaps xmm0, xmm1; movq rax, xmm0 */
	{"through two vectors", BOTH, "f: bf27000000 66480f6ecf 0f28c1 66480f7ec0 .s: 0f05 c3",
	 "s syscall 39 imm"},
	/* movd xmm0, edi (39); paddd xmm0, xmm1; movd eax, xmm0 */
	{"a vector that is computed", BOTH,
	 "f: bf27000000 660f6ec7 660ffec1 660f7ec0 .s: 0f05 c3", "s syscall ? computed"},
	{"of constant memory", BOTH, "f: 8b05 =k .s: 0f05 c3 %const k: 48000000",
	 "s syscall 72 imm"},
	{"nothing between the parts", BOTH, "f: b827000000 90 0f1f4000 f30f1efa 6690 .s: 0f05 c3",
	 "s syscall 39 imm"},
	{"after another one", BOTH, "f: b827000000 .a: 0f05 .s: 0f05 c3",
	 "a syscall 39 imm; s syscall ? computed"},
	/* cpuid; rdtsc write eax */
	{"cpuid", BOTH, "f: b827000000 0fa2 .s: 0f05 c3", "s syscall ? computed"},
	{"rdtsc", BOTH, "f: b827000000 0f31 .s: 0f05 c3", "s syscall ? computed"},
	/* div ecx */
	{"div", BOTH, "f: b827000000 f7f1 .s: 0f05 c3", "s syscall ? computed"},
	/* lodsd */
	{"lods", BOTH, "f: b827000000 ad .s: 0f05 c3", "s syscall ? computed"},
	/* add eax, [rdi] */
	{"plus memory", BOTH, "f: b827000000 0307 .s: 0f05 c3", "s syscall ? memory"},
	/* mov edi, [rsi]; imul edi, edi; mov eax, edi */
	{"from memory, computed", BOTH, "f: 8b3e 0fafff 89f8 .s: 0f05 c3", "s syscall ? memory"},
	{"from memory", BOTH, "f: 488b0e 8b01 .s: 0f05 c3", "s syscall ? memory"},
	/* mov eax, fs:[0] */
	{"from a segment", BOTH, "f: 648b042500000000 .s: 0f05 c3", "s syscall ? memory"},
	/* mov eax, [rdi]: whoever calls may hand over anything. */
	{"from behind a parameter", C, "f: 8b07 31ff .s: 0f05 c3", "f call ? indirect"},
	{"int 0x80", BOTH, "f: b801000000 .s: cd80 c3", "s int80 1/x86 imm"},
	{"sysenter", BOTH, "f: b801000000 .s: 0f34", "s sysenter 1/x86 imm"},
	{"int 0x80 keeps what it does not write", BOTH,
	 "f: bf03000000 b801000000 .a: cd80 89f8 .s: 0f05 c3",
	 "a int80 1/x86 imm; s syscall 3 imm"},
};

/* Where paths part and meet. */
static const struct example PATHS[] = {
	/* mov eax, 39; mov edi, 110; test esi, esi; cmove eax, edi */
	{"cmov", BOTH, "f: b827000000 bf6e000000 85f6 0f44c7 .s: 0f05 c3",
	 "s syscall 39 imm; s syscall 110 imm"},
	/* xor eax, eax; test edi, edi; sete al; add eax, 38 */
	{"setcc", BOTH, "f: 31c0 85ff 0f94c0 83c026 .s: 0f05 c3",
	 "s syscall 38 imm; s syscall 39 imm"},
	/* xor eax, eax; test edi, edi; setne al; lea eax, [rax+rax*2+10]: one rax, 0 or 1 */
	{"setcc, scaled", BOTH, "f: 31c0 85ff 0f95c0 8d44400a .s: 0f05 c3",
	 "s syscall 10 imm; s syscall 13 imm"},
	/* cmp edi, 1; sbb eax, eax; and eax, 2; add eax, 10 */
	{"sbb", BOTH, "f: 83ff01 19c0 83e002 83c00a .s: 0f05 c3",
	 "s syscall 10 imm; s syscall 12 imm"},
	{"if and else", BOTH, "f: 85ff 74 ~b b803000000 eb ~s .b: b804000000 .s: 0f05 c3",
	 "s syscall 3 imm; s syscall 4 imm"},
	/* Go 1.15 puts the arms of a switch behind the place where they meet. */
	{"arms that jump backward", BOTH,
	 "f: 83ff01 74 ~a 83ff02 74 ~b b803000000 .s: 0f05 c3"
	 " .a: b804000000 eb ~s .b: b805000000 eb ~s",
	 "s syscall 3 imm; s syscall 4 imm; s syscall 5 imm"},
	{"one arm unknown", BOTH, "f: 648b042500000000 85ff 74 ~s b803000000 .s: 0f05 c3",
	 "s syscall ? memory; s syscall 3 imm"},
	{"arms on the stack", BOTH,
	 "f: 4883ec18 85ff 74 ~b c744240803000000 eb ~m .b: c744240804000000"
	 " .m: 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall 3 imm; s syscall 4 imm"},
	/* Only one arm writes the slot. */
	{"half a slot's arms", BOTH,
	 "f: 4883ec18 85ff 74 ~m c744240803000000 .m: 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall ? memory; s syscall 3 imm"},
	/* One arm writes 8 bytes, the other 4 of them. */
	{"arms of different width", BOTH,
	 "f: 4883ec18 48c744240800000000 85ff 74 ~m c744240803000000"
	 " .m: 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall ? memory"},
	/* xor ebx, ebx; l: mov eax, 39; syscall; inc ebx; cmp ebx, 9; jne l */
	{"a loop around it", BOTH, "f: 31db .l: b827000000 .s: 0f05 ffc3 83fb09 75 ~l c3",
	 "s syscall 39 imm"},
	/* mov eax, 1; l: syscall; mov eax, 2; jmp l */
	{"changed in a loop", BOTH, "f: b801000000 .s: 0f05 b802000000 eb ~s",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* xor eax, eax; l: inc eax; cmp eax, edi; jne l */
	{"counted in a loop", BOTH, "f: 31c0 .l: ffc0 39f8 75 ~l .s: 0f05 c3",
	 "s syscall ? too-many"},
	/* loop, whose counter is ecx */
	{"the counter of loop", BOTH, "f: b927000000 .l: 90 e2 ~l 89c8 .s: 0f05 c3",
	 "s syscall ? computed"},
	{"behind a jump", BOTH, "f: eb ~m ebfe .m: b827000000 .s: 0f05 c3", "s syscall 39 imm"},
	{"behind a return", BOTH, "f: c3 b827000000 .s: 0f05 c3", "s syscall 39 imm"},
	/* A store to the null page ends a path: mov eax, 1; xor ecx, ecx; mov [rcx], eax */
	{"behind a certain fault", BOTH,
	 "f: b827000000 85ff 74 ~s b801000000 31c9 8901 .s: 0f05 c3", "s syscall 39 imm"},
	{"behind a trap", BOTH, "f: b827000000 85ff 74 ~s b801000000 0f0b .s: 0f05 c3",
	 "s syscall 39 imm"},
	/* jmp [rdi*8+t] */
	{"table of addresses", BOTH,
	 "f: 83ff01 77 ~o ff24fd $t .a: b801000000 eb ~s .b: b802000000 .s: 0f05 .o: c3"
	 " %const t: *a *b *o",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* lea rdx, [rip+t]; jmp [rdx+rdi*8], as Go does it */
	{"table by its register", BOTH,
	 "f: 488d15 =t ff24fa .a: b801000000 eb ~s .b: b802000000 .s: 0f05 .o: c3"
	 " %const t: *a *b *o",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* lea rdx, [rip+t]; movsxd rax, [rdx+rdi*4]; add rax, rdx; jmp rax */
	{"table of distances", BOTH,
	 "f: 488d15 =t 486304ba 4801d0 ffe0 .a: b801000000 eb ~s .b: b802000000 .s: 0f05 .o: c3"
	 " %const t: @a,t @b,t @o,t",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* The jump leads into what straight decoding takes for the middle of mov eax, imm. */
	{"inside another instruction", BOTH, "f: b827000000 eb ~m b8 .m: 0f05 c3 00 c3",
	 "m syscall 39 imm"},
	{"bytes that are a constant", BOTH, "f: b80f050000 48b80f05cd800f340000 c3", ""},
	/* mov edi, [rip+0x050f]: the distance */
	{"bytes that are a distance", BOTH, "f: 8b3d0f050000 c3", ""},
};

/* What a branch proves of what was compared; that comes from memory, if nothing else is said. */
static const struct example BRANCHES[] = {
	/* mov edi, [rsi]; cmp edi, 39; jne o; mov eax, edi */
	{"equal", BOTH, "f: 8b3e 83ff27 75 ~o 89f8 .s: 0f05 .o: c3", "s syscall 39 imm"},
	{"equal, as 8 bytes", BOTH, "f: 488b3e 4883ff27 75 ~o 4889f8 .s: 0f05 .o: c3",
	 "s syscall 39 imm"},
	/* cmp edi, 39; je o: anything but 39 */
	{"not equal", BOTH, "f: 648b3c2500000000 83ff27 74 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* cmp rdi, -1: the immediate is sign-extended */
	{"equal to a negative number", BOTH,
	 "f: 488b3e 4883ffff 75 ~o 4889f8 .s: 0f05 .o: c3", "s syscall 4294967295 imm"},
	/* test edi, edi; jne o; lea eax, [rdi+2] */
	{"tested for zero", BOTH, "f: 8b3e 85ff 75 ~o 8d4702 .s: 0f05 .o: c3",
	 "s syscall 2 imm"},
	/* cmp edi, 39; jne o; shr rdi, 32: only the lower half was compared */
	{"the other half", BOTH, "f: 488b3e 83ff27 75 ~o 48c1ef20 4889f8 .s: 0f05 .o: c3",
	 "s syscall ? computed"},
	/* cmp edi, 39; jne o; mov rax, rdi; and eax, -1; the lower half through 8 bytes */
	{"half of it", BOTH, "f: 488b3e 83ff27 75 ~o 4889f8 .s: 0f05 .o: c3",
	 "s syscall 39 imm"},
	/* cmp dil, 39: the rest is not known */
	{"its lowest byte", BOTH, "f: 648b3c2500000000 4080ff27 75 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* movzx edi, byte [rsi]; cmp dil, 39 */
	{"the lowest byte of a byte", BOTH, "f: 0fb63e 4080ff27 75 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall 39 imm"},
	/* A chain: cmp edi, 1; je a; cmp edi, 2; jne o; a: */
	{"one of two", BOTH, "f: 8b3e 83ff01 74 ~a 83ff02 75 ~o .a: 89f8 .s: 0f05 .o: c3",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* mov edi, 1 or 2; cmp edi, 1; je o */
	{"the other of two", BOTH,
	 "f: bf01000000 85f6 74 ~m bf02000000 .m: 83ff01 74 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall 2 imm"},
	/* The flags of one comparison for two branches: cmp edi, 3; je a; ja o; a: */
	{"two branches on one comparison", BOTH,
	 "f: 8b3e 83ff03 74 ~a 77 ~o 83ff02 75 ~o .a: 89f8 .s: 0f05 .o: c3",
	 "s syscall 2 imm; s syscall 3 imm"},
	{"at most", BOTH, "f: 8b3e 83ff02 77 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall 0 imm; s syscall 1 imm; s syscall 2 imm"},
	{"below", BOTH, "f: 8b3e 83ff02 73 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall 0 imm; s syscall 1 imm"},
	/* cmp edi, 2; jbe o: nothing is listed */
	{"above", BOTH, "f: 648b3c2500000000 83ff02 76 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* cmp edi, 1; jg o: it may be negative */
	{"at most, signed", BOTH, "f: 648b3c2500000000 83ff01 7f ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* movzx edi, byte [rsi]; cmp edi, 1; jg o */
	{"at most, signed, without a sign", BOTH,
	 "f: 0fb63e 83ff01 7f ~o 89f8 .s: 0f05 .o: c3", "s syscall 0 imm; s syscall 1 imm"},
	/* cmp edi, 64; jae o; cmp edi, 65; jae o: 64 numbers at most */
	{"too many to list", BOTH, "f: 648b3c2500000000 83ff41 73 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* cmp edi, 2; jae a; cmp edi, 1; jne o: on the other way it is still unknown */
	{"bounded on one way", BOTH,
	 "f: 648b3c2500000000 85d2 74 ~a 83ff02 73 ~o .a: 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* dec edi; jne o; lea eax, [rdi+60] */
	{"zero by a decrement", BOTH, "f: 8b3e ffcf 75 ~o 8d473c .s: 0f05 .o: c3",
	 "s syscall 60 imm"},
	/* sub edi, 39; ja o: the carry of a subtraction is not that of its result */
	{"above by a subtraction", BOTH, "f: 8b3e 83ef02 77 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* mov edi, 1, 2 or 3; test edi, 1; je o */
	{"a bit", BOTH,
	 "f: bf01000000 85f6 74 ~m bf02000000 85d2 74 ~m bf03000000"
	 " .m: f7c701000000 74 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall 1 imm; s syscall 3 imm"},
	/* cmp edi, 39; mov edi, [rdx]; jne o: what was compared is no longer there */
	{"compared, then changed", BOTH,
	 "f: 648b3c2500000000 83ff27 648b3c2500000000 75 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* cmp edi, 39; inc esi; jne o: other flags */
	{"other flags in between", BOTH,
	 "f: 648b3c2500000000 83ff27 ffc2 75 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* cmp edi, 39; mov esi, 5; jne o */
	{"a move in between", BOTH, "f: 8b3e 83ff27 be05000000 75 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall 39 imm"},
	/* cmp edi, 39; call g; jne o */
	{"a call in between", C,
	 "f: 53 648b1c2500000000 83fb27 e8 =g 75 ~o 89d8 .s: 0f05 .o: 5b c3 g: c3",
	 "s syscall ? memory"},
	/* The comparison was made on one of two ways. */
	{"compared on one way", BOTH,
	 "f: 648b3c2500000000 85d2 74 ~a 83ff27 .a: 75 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
	/* cmp dword [rsp+8], 39; jne o; mov eax, [rsp+8] */
	{"a slot", BOTH,
	 "f: 4883ec18 8b3e 897c2408 837c240827 75 ~o 8b442408 .s: 0f05 .o: 4883c418 c3",
	 "s syscall 39 imm"},
	/* ... mov dword [rsp+8], edi in between */
	{"a slot, then changed", BOTH,
	 "f: 4883ec18 648b3c2500000000 897c2408 837c240827 897c2408 75 ~o 8b442408 .s: 0f05 .o: 4883c418 c3",
	 "s syscall ? memory"},
	/* A parameter and its copies: mov esi, edi; cmp edi, 39; jne o; mov eax, esi */
	{"a copy of a parameter", BOTH, "f: 89fe 83ff27 75 ~o 89f0 .s: 0f05 .o: c3",
	 "s syscall 39 imm"},
	/* mov [rsp-8], edi; cmp edi, 39; mov edi, 5; jne o; mov eax, [rsp-8] */
	{"a copy of a parameter on the stack", C,
	 "f: 897c24f8 83ff27 bf05000000 75 ~o 8b4424f8 .s: 0f05 .o: c3", "s syscall 39 imm"},
	/* cmp dword [rsp+8], 39; jne o; mov eax, [rsp+8] */
	{"a parameter on the stack", BOTH, "f(8): 837c240827 75 ~o 8b442408 .s: 0f05 .o: c3",
	 "s syscall 39 imm"},
	/* mov edi, 1; cmp edi, 2; je a: never */
	{"a way that is never taken", BOTH,
	 "f: bf01000000 b827000000 83ff02 75 ~s b828000000 .s: 0f05 c3", "s syscall 39 imm"},
	/* cmp 39, edi with the number in the register: cmp edi, esi with esi 39 */
	{"equal to a register", BOTH, "f: 8b3e be27000000 39f7 75 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall 39 imm"},
	{"loop's own condition", BOTH, "f: 648b3c2500000000 83ff27 e2 ~o 89f8 .s: 0f05 .o: c3",
	 "s syscall ? memory"},
};

/* Numbers from tables; the index comes from memory. */
static const struct example TABLES[] = {
	/* mov edi, [rsi]; cmp edi, 3; jae o; mov eax, [rdi*4+t] */
	{"bounded", BOTH,
	 "f: 8b3e 83ff03 73 ~o 8b04bd $t .s: 0f05 .o: c3"
	 " %const t: 01000000 02000000 03000000 04000000",
	 "s syscall 1 imm; s syscall 2 imm; s syscall 3 imm"},
	{"not bounded", BOTH, "f: 8b3e 8b04bd $t .s: 0f05 .o: c3 %const t: 01000000 02000000",
	 "s syscall ? memory"},
	/* Only the lower half of rdi was compared: what is above may be anything. */
	{"bounded in half", BOTH,
	 "f: 488b3e 83ff02 73 ~o 8b04bd $t .s: 0f05 .o: c3 %const t: 01000000 02000000",
	 "s syscall ? memory"},
	/* ...; mov eax, edi; mov eax, [rax*4+t] */
	{"bounded in half, then extended", BOTH,
	 "f: 488b3e 83ff02 73 ~o 89f8 8b0485 $t .s: 0f05 .o: c3 %const t: 01000000 02000000",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* and edi, 3 */
	{"masked", BOTH,
	 "f: 8b3e 83e703 8b04bd $t .s: 0f05 c3"
	 " %const t: 01000000 02000000 03000000 04000000 05000000",
	 "s syscall 1 imm; s syscall 2 imm; s syscall 3 imm; s syscall 4 imm"},
	/* shr edi, 30 */
	{"shifted", BOTH,
	 "f: 8b3e c1ef1f 8b04bd $t .s: 0f05 c3 %const t: 01000000 02000000 03000000",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* cmp edi, 2; jae o; lea rdi, [rdi+rdi*2]; mov eax, [rdi*8+t+8] */
	{"of structures", BOTH,
	 "f: 8b3e 83ff02 73 ~o 488d3c7f 8b04fd $t+8 .s: 0f05 .o: c3"
	 " %const t: +8 0500000000000000 +8 +8 0600000000000000 +8",
	 "s syscall 5 imm; s syscall 6 imm"},
	/* add edi, edi; the same by an addition */
	{"of pairs", BOTH,
	 "f: 8b3e 83ff02 73 ~o 01ff 8b04bd $t .s: 0f05 .o: c3"
	 " %const t: 05000000 09000000 06000000 09000000",
	 "s syscall 5 imm; s syscall 6 imm"},
	/* imul edi, edi, 12; mov eax, [rdi+t] */
	{"of structures, multiplied", BOTH,
	 "f: 8b3e 83ff02 73 ~o 6bff0c 8b87 $t .s: 0f05 .o: c3"
	 " %const t: 05000000 +8 06000000 +8",
	 "s syscall 5 imm; s syscall 6 imm"},
	/* xor ebx, ebx; l: mov eax, [rbx*4+t]; syscall; inc ebx; cmp ebx, 3; jne l */
	{"in a loop", BOTH,
	 "f: 31db .l: 8b049d $t .s: 0f05 ffc3 83fb03 75 ~l c3"
	 " %const t: 01000000 02000000 03000000 04000000",
	 "s syscall 1 imm; s syscall 2 imm; s syscall 3 imm"},
	/* lea rbx, [t]; lea rbp, [t+12]; l: mov eax, [rbx]; ...; add rbx, 4; cmp rbx, rbp; jne l */
	{"in a loop, by a pointer", BOTH,
	 "f: 488d1d =t 488d2d =e .l: 8b03 .s: 0f05 4883c304 4839eb 75 ~l c3"
	 " %const t: 01000000 02000000 03000000 e: 04000000",
	 "s syscall 1 imm; s syscall 2 imm; s syscall 3 imm"},
	/* movups xmm0, [t]; movups [rsp], xmm0; cmp edi, 4; jae o; mov eax, [rsp+rdi*4] */
	{"copied to the stack", BOTH,
	 "f: 4883ec18 8b3e 0f1005 =t 0f110424 83ff04 73 ~o 8b04bc .s: 0f05 .o: 4883c418 c3"
	 " %const t: 01000000 02000000 03000000 04000000",
	 "s syscall 1 imm; s syscall 2 imm; s syscall 3 imm; s syscall 4 imm"},
	{"copied to the stack, not bounded", BOTH,
	 "f: 4883ec18 8b3e 0f1005 =t 0f110424 8b04bc .s: 0f05 .o: 4883c418 c3"
	 " %const t: 01000000 02000000 03000000 04000000",
	 "s syscall ? memory"},
	/* One of the slots is not known. */
	{"copied to the stack, then changed", BOTH,
	 "f: 4883ec18 8b3e 0f1005 =t 0f110424 893c24 83ff04 73 ~o 8b04bc .s: 0f05"
	 " .o: 4883c418 c3 %const t: 01000000 02000000 03000000 04000000",
	 "s syscall ? memory; s syscall 3 imm; s syscall 4 imm"},
	/* lea rdi, [rsp+8]; lea rsi, [rsp+24]; l: mov eax, [rdi]; syscall; add rdi, 8; ... jne l */
	{"on the stack, in a loop", C,
	 "f: 4883ec28 c744240805000000 c744241006000000 c744241807000000 488d7c2408"
	 " 488d742418 .l: 8b07 .s: 0f05 4883c708 4839f7 75 ~l 4883c428 c3",
	 "s syscall 5 imm; s syscall 6 imm"},
	/* A table that can change: what it starts with, and what nobody lists. */
	{"that can change", BOTH,
	 "f: 8b3e 83ff02 73 ~o 8b04bd $t .s: 0f05 .o: c3 %data t: 01000000 02000000",
	 "s syscall ? memory; s syscall 1 data; s syscall 2 data"},
	/* cmp edi, 1; jne o; mov eax, [rdi*4+t] */
	{"that can change, one of it", BOTH,
	 "f: 8b3e 83ff01 75 ~o 8b04bd $t .s: 0f05 .o: c3 %data t: 01000000 02000000",
	 "s syscall ? memory; s syscall 2 data"},
	/* mov edi, [rsi]; cmp edi, 1; ja o; jmp [rdi*8+t]; the third entry is none */
	{"of addresses, bounded", C,
	 "f: 8b3e 83ff01 77 ~o ff24fd $t .a: b801000000 eb ~s .b: b802000000 eb ~s"
	 " .x: b803000000 .s: 0f05 .o: c3 %const t: *a *b *x",
	 "s syscall 1 imm; s syscall 2 imm"},
	/* The number of a wrapper: its callers are asked, whatever it was compared with. */
	{"a parameter that was compared", BOTH,
	 "w: 83ff09 77 ~o 89f8 0f05 .o: c3 f: bf05000000 .c: e8 =w c3", "c call 5 arg"},
};

/* An array copied to the stack by the rest of a function that copies more, as Go does it. */
#define COPY(function, table) \
	"f: 4883ec18 488d35 =t 488d3c24 e8 =x 8b0b 83f904 73 ~o 8b048c .s: 0f05 .o: 4883c418 c3 " \
	function " " table " t: 01000000 02000000 03000000 04000000"
static const struct example COPIES[] = {
	/* movups xmm0, [rsi]; add rsi, 16; movups [rdi], xmm0; add rdi, 16; ret */
	{"copied by a call", GO,
	 COPY("d(0): 31c0 .x: 0f1006 4883c610 0f1107 4883c710 c3", "%const"),
	 "s syscall 1 imm; s syscall 2 imm; s syscall 3 imm; s syscall 4 imm"},
	/* Not by C's conventions: their compilers do not do this. */
	{"copied by C's call", C, COPY("d: 31c0 .x: 0f1006 4883c610 0f1107 4883c710 c3", "%const"),
	 "s syscall ? memory"},
	{"from what can change", GO,
	 COPY("d(0): 31c0 .x: 0f1006 4883c610 0f1107 4883c710 c3", "%data"), "s syscall ? memory"},
	/* push rax; ...; pop rax: more than a copy */
	{"copied by code that uses the stack", GO,
	 COPY("d(0): 31c0 .x: 50 0f1006 4883c610 0f1107 4883c710 58 c3", "%const"),
	 "s syscall ? memory"},
	/* test eax, eax; je */
	{"copied by code that branches", GO,
	 COPY("d(0): 31c0 .x: 0f1006 85c0 74 ~y 4883c610 .y: 0f1107 c3", "%const"),
	 "s syscall ? memory"},
	{"copied by a whole function", GO,
	 COPY("x(0): 0f1006 4883c610 0f1107 4883c710 c3", "%const"), "s syscall ? memory"},
};

/* Behind a call that comes back the number is what it returned; else only the other way counts. */
#define CALLS "f: b827000000 85f6 74 ~s e8 =g .s: 0f05 c3 "
static const struct example RETURNS[] = {
	{"comes back", C, CALLS "g: c3", "s syscall ? computed; s syscall 39 imm"},
	{"a trap", C, CALLS "g: f4", "s syscall 39 imm"},
	{"an endless loop", C, CALLS "g: ebfe", "s syscall 39 imm"},
	/* test edi, edi; je x; hlt; x: ret */
	{"comes back on one way", C, CALLS "g: 85ff 74 ~x f4 .x: c3",
	 "s syscall ? computed; s syscall 39 imm"},
	{"traps on both ways", C, CALLS "g: 85ff 74 ~x f4 .x: 0f0b", "s syscall 39 imm"},
	{"calls what traps", C, CALLS "g: e8 =h c3 h: f4", "s syscall 39 imm"},
	{"calls what comes back, then traps", C, CALLS "g: e8 =h f4 h: c3", "s syscall 39 imm"},
	{"jumps to what traps", C, CALLS "g: e9 =h h: f4", "s syscall 39 imm"},
	{"jumps to what comes back", C, CALLS "g: e9 =h h: c3",
	 "s syscall ? computed; s syscall 39 imm"},
	{"jumps anywhere", C, CALLS "g: ffe2", "s syscall ? computed; s syscall 39 imm"},
	{"calls anything, then traps", C, CALLS "g: ffd2 f4", "s syscall 39 imm"},
	{"runs into the next function", C, CALLS "g: 31c0 h: c3",
	 "s syscall ? computed; s syscall 39 imm"},
	{"calls itself", C, CALLS "g: e8 =g c3", "s syscall ? computed; s syscall 39 imm"},
	{"jumps into the inside of another", C, CALLS "g: e9 =x h: c3 .x: f4",
	 "s syscall ? computed; s syscall 39 imm"},
	/* call *rdi, whatever that is */
	{"an unknown function", C, "f: b827000000 85f6 74 ~s ffd7 .s: 0f05 c3",
	 "s syscall ? computed; s syscall 39 imm"},
	/* What stands behind the call belongs to another way, which has a number of its own. */
	{"between other code", C,
	 "f: bb05000000 85f6 74 ~a bb06000000 e8 =g .a: 89d8 .s: 0f05 c3 g: f4",
	 "s syscall 5 imm"},
};

/* The stack, and what calls do to it. */
static const struct example STACK[] = {
	/* sub rsp, 24; mov dword [rsp+8], 39; mov eax, [rsp+8] */
	{"a slot", BOTH, "f: 4883ec18 c744240827000000 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall 39 imm"},
	{"red zone", C, "f: c74424f827000000 8b4424f8 .s: 0f05 c3", "s syscall 39 imm"},
	/* push rbp; mov rbp, rsp; mov dword [rbp-4], 39; mov eax, [rbp-4] */
	{"by the frame pointer", C, "f: 55 4889e5 c745fc27000000 8b45fc .s: 0f05 5d c3",
	 "s syscall 39 imm"},
	/* ... and rsp, -16; sub rsp, 16; mov dword [rsp], 39; ... leave */
	{"aligned frame", C,
	 "f: 55 4889e5 4883e4f0 4883ec10 c7042427000000 8b0424 .s: 0f05 c9 c3",
	 "s syscall 39 imm"},
	/* mov rax, 0x2700000000; mov [rsp+8], rax; mov eax, [rsp+12] */
	{"part of a slot", BOTH,
	 "f: 4883ec18 48b80000000027000000 4889442408 8b44240c .s: 0f05 4883c418 c3",
	 "s syscall 39 imm"},
	/* mov dword [rsp+8], 39; mov byte [rsp+9], cl; mov eax, [rsp+8] */
	{"a slot written in part", BOTH,
	 "f: 4883ec18 c744240827000000 884c2409 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall ? memory"},
	/* mov dword [rsp+8], 39; lock cmpxchg [rsp+8], ecx; mov eax, [rsp+8] */
	{"cmpxchg on the slot", BOTH,
	 "f: 4883ec18 c744240827000000 f00fb14c2408 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall ? computed"},
	/* mov dword [rsp+8], 39; lea rdi, [rsp+8]; rep stosd; mov eax, [rsp+8] */
	{"rep stos over the slot", BOTH,
	 "f: 4883ec18 c744240827000000 488d7c2408 f3ab 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall ? memory"},
	/* lea rdx, [rsp+rdi*4]; mov dword [rdx], 5 */
	{"a store somewhere on the stack", BOTH,
	 "f: 4883ec18 c744240827000000 488d14bc c70205000000 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall ? memory"},
	/* mov dword [rsi], 5: the slot's address is nobody else's */
	{"a store somewhere else", BOTH,
	 "f: 4883ec18 c744240827000000 c70605000000 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall 39 imm"},
	/* lea rdi, [rsp+8]; mov [rip+p], rdi; mov dword [rsi], 5 */
	{"a store through what was given away", BOTH,
	 "f: 4883ec18 c744240827000000 488d7c2408 48893d =p c70605000000 8b442408 .s: 0f05"
	 " 4883c418 c3 %bss p: +8",
	 "s syscall ? memory"},
	/* mov dword [rsp+8], 39; lea rdi, [rsp+8]; mov rax, rdi; call g; mov eax, [rsp+8] */
	{"the address given to a call", BOTH,
	 "f: 4883ec18 c744240827000000 488d7c2408 4889f8 e8 =g 8b442408 .s: 0f05 4883c418 c3"
	 " g(0): c3",
	 "s syscall ? memory"},
	/* lea rdi, [rsp+8]; mov [rsp+16], rdi; xor edi, edi; call g */
	{"the address in another slot", BOTH,
	 "f: 4883ec18 c744240827000000 488d7c2408 48897c2410 31ff e8 =g 8b442408 .s: 0f05"
	 " 4883c418 c3 g(0): c3",
	 "s syscall ? memory"},
	/* lea rdi, [rsp+8]; mov [rip+p], rdi; xor edi, edi; call g */
	{"the address in a global", BOTH,
	 "f: 4883ec18 c744240827000000 488d7c2408 48893d =p 31ff e8 =g 8b442408 .s: 0f05"
	 " 4883c418 c3 g(0): c3 %bss p: +8",
	 "s syscall ? memory"},
	/* lea rdi, [rsp+8]; movq xmm0, rdi; movups [rip+p], xmm0; xor edi, edi; call g */
	{"the address through a vector", BOTH,
	 "f: 4883ec18 c744240827000000 488d7c2408 66480f6ec7 0f1105 =p 31ff e8 =g"
	 " 8b442408 .s: 0f05 4883c418 c3 g(0): c3 %bss p: +16",
	 "s syscall ? memory"},
	/* lea rdi, [rsp+4]; ...: an address below the slot reaches it, too */
	{"an address below the slot", BOTH,
	 "f: 4883ec18 c744240827000000 488d7c2404 4889f8 e8 =g 8b442408 .s: 0f05 4883c418 c3"
	 " g(0): c3",
	 "s syscall ? memory"},
	{"a slot across a call", BOTH,
	 "f: 4883ec18 c744240827000000 e8 =g 8b442408 .s: 0f05 4883c418 c3 g(0): c3",
	 "s syscall 39 imm"},
	/* lea rdi, [rip+b]; call g, which stores rbx, rbp, r12 and r13 there: setjmp */
	{"a slot across a call that may return again", C,
	 "f: 4883ec18 c744240827000000 488d3d =b e8 =g 8b442408 .s: 0f05 4883c418 c3"
	 " g: 48891f 48896f08 4c896710 4c896f18 c3 %bss b: +64",
	 "s syscall ? memory"},
	/* mov rax, rsp; ...: the same registers in its own frame */
	{"a slot across a call that keeps registers", C,
	 "f: 4883ec18 c744240827000000 488d3d =b e8 =g 8b442408 .s: 0f05 4883c418 c3"
	 " g: 48895c24f8 48896c24f0 4c896424e8 4c896c24e0 c3 %bss b: +64",
	 "s syscall 39 imm"},
	/* Go's callee has 16 bytes of arguments and results: an argument may be a result now. */
	{"a result's slot", GO,
	 "f: 4883ec18 c744240827000000 e8 =g 8b442408 .s: 0f05 4883c418 c3 g(16): c3",
	 "s syscall ? memory"},
	{"a slot above the results", GO,
	 "f: 4883ec18 c744240827000000 e8 =g 8b442408 .s: 0f05 4883c418 c3 g(8): c3",
	 "s syscall 39 imm"},
	/* Assembler that does not say how much it has, and a call through a register. */
	{"results of unknown extent", GO,
	 "f: 4883ec18 c744240827000000 e8 =g 8b442408 .s: 0f05 4883c418 c3 g: c3",
	 "s syscall ? memory"},
	{"results of an unknown callee", GO,
	 "f: 4883ec18 c744240827000000 ffd2 8b442408 .s: 0f05 4883c418 c3", "s syscall ? memory"},
	/* mov ebx, 39; call g; mov eax, ebx */
	{"a register that C's callees keep", C,
	 "f: 53 bb27000000 e8 =g 89d8 .s: 0f05 5b c3 g: c3", "s syscall 39 imm"},
	{"a register that Go's callees use", GO,
	 "f: bb27000000 e8 =g 89d8 .s: 0f05 c3 g(0): c3", "s syscall ? computed"},
	/* mov esi, 39; call g; mov eax, esi */
	{"a register that callees use", BOTH,
	 "f: be27000000 e8 =g 89f0 .s: 0f05 c3 g(0): c3", "s syscall ? computed"},
	{"what a call returns", BOTH, "f: b827000000 e8 =g .s: 0f05 c3 g(0): c3",
	 "s syscall ? computed"},
	{"what an indirect call returns", BOTH, "f: b827000000 ffd2 .s: 0f05 c3",
	 "s syscall ? computed"},
	/* xorps xmm0, xmm0; movups [rsp], xmm0; mov eax, [rsp+8] */
	{"16 bytes of zero", BOTH, "f: 4883ec18 0f57c0 0f110424 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall 0 imm"},
	/* movups [rsp], xmm15 */
	{"xmm15 of Go", GO, "f: 4883ec18 440f113c24 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall 0 imm"},
	{"xmm15 of C", C, "f: 4883ec18 440f113c24 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall ? computed"},
	{"xmm15 of Go, written", GO,
	 "f: 4883ec18 66440f6e3e 440f113c24 8b0424 .s: 0f05 4883c418 c3", "s syscall ? memory"},
	/* movups [rsp+4], xmm15: the slot is covered by the middle of it */
	{"16 bytes across the slot", GO,
	 "f: 4883ec18 c744240827000000 440f117c2404 8b442408 .s: 0f05 4883c418 c3",
	 "s syscall 0 imm"},
	/* mov qword [rsp+16], 3; movups xmm0, [rsp+16]; movups [rsp], xmm0; mov eax, [rsp] */
	{"16 bytes copied", BOTH,
	 "f: 4883ec28 48c744241003000000 0f10442410 0f110424 8b0424 .s: 0f05 4883c428 c3",
	 "s syscall 3 imm"},
	/* mov qword [rsp+24], 3; movups xmm0, [rsp+16]; movups [rsp], xmm0; mov eax, [rsp+8] */
	{"16 bytes copied, upper half", BOTH,
	 "f: 4883ec28 48c744241803000000 0f10442410 0f110424 8b442408 .s: 0f05 4883c428 c3",
	 "s syscall 3 imm"},
	/* movups xmm0, [rip+k]; movups [rsp], xmm0; mov eax, [rsp+8] */
	{"16 bytes of constant memory", BOTH,
	 "f: 4883ec18 0f1005 =k 0f110424 8b442408 .s: 0f05 4883c418 c3 %const k: +8 05 +7",
	 "s syscall 5 imm"},
	/* lea rdx, [rsp+8]; movups [rdx], xmm0 */
	{"16 bytes by an alias", BOTH,
	 "f: 4883ec18 0f57c0 488d5424f8 0f11420c 8b44240c .s: 0f05 4883c418 c3",
	 "s syscall 0 imm"},
	/* vmovdqu [rsp], ymm0: 32 bytes of nobody knows what */
	{"32 bytes over the slot", BOTH,
	 "f: 4883ec28 c744241827000000 c5fe7f0424 8b442418 .s: 0f05 4883c428 c3",
	 "s syscall ? computed"},
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

/* count arms, each with a number of its own: the first is 100. */
static void expect_arms(unsigned count, const char *wanted)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	fputs("f:", out);
	for (unsigned i = 0; i < count; i++) {
		/* cmp edi, i; mov eax, 100 + i; je s */
		fprintf(out, " 81ff%02x000000 b8%02x000000 0f84 =s", i, 100 + i);
	}
	fputs(" c3 .s: 0f05 c3", out);
	assert_int_equal(fclose(out), 0);
	builder_expect(text, wanted);
	free(text);
}

static void bounds_numbers(void **state)
{
	(void)state;
	char wanted[2048] = "";
	for (unsigned i = 0; i < 64; i++) {
		size_t used = strlen(wanted);
		snprintf(wanted + used, sizeof(wanted) - used, "%ss syscall %u imm",
		         i == 0 ? "" : "; ", 100 + i);
	}
	expect_arms(64, wanted);
	expect_arms(65, "s syscall ? too-many");
}

/*
 * A loop over count of the table's entries 1, 2, 3, ...: the number of the last is 1 when it counts
 * down.  The code is "l:" to the end of the loop, with rbx as index, or rdi as a pointer.
 */
static void expect_loop(const char *before, const char *loop, unsigned count, bool listed)
{
	char *text = NULL;
	char *wanted = NULL;
	size_t size = 0;
	size_t wanted_size = 0;
	FILE *out = open_memstream(&text, &size);
	FILE *sites = open_memstream(&wanted, &wanted_size);
	assert_non_null(out);
	assert_non_null(sites);
	fprintf(out, "f: %s .l: %s 75 ~l c3 %%const t:", before, loop);
	for (unsigned i = 1; i <= count; i++) {
		fprintf(out, " %02x000000", i);
		if (listed) {
			fprintf(sites, "%ss syscall %u imm", i == 1 ? "" : "; ", i);
		}
	}
	fputs(" .e: ffffff00", out);
	fputs(listed ? "" : "s syscall ? memory", sites);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(fclose(sites), 0);
	builder_expect(text, wanted);
	free(text);
	free(wanted);
}

static void counts_to_the_end(void **state)
{
	(void)state;
	/* xor ebx, ebx; mov eax, [rbx*4+t]; syscall; inc rbx; cmp rbx, 40 */
	expect_loop("31db", "8b049d $t .s: 0f05 48ffc3 4883fb28", 40, true);
	/* As 4 bytes, and to the last number of entries that can be listed. */
	expect_loop("31db", "8b049d $t .s: 0f05 ffc3 83fb40", 64, true);
	expect_loop("31db", "8b049d $t .s: 0f05 ffc3 83fb41", 65, false);
	/* In two steps, with a branch in between: test eax, eax; je m; m: */
	expect_loop("31db", "8b049d $t 85c0 74 ~m 90 .m: .s: 0f05 48ffc3 4883fb28", 40, true);
	/* mov ebx, 40; mov eax, [rbx*4+t-4]; syscall; dec rbx */
	expect_loop("bb28000000", "8b049d $t-4 .s: 0f05 48ffcb", 40, true);
	/* lea rbx, [rip+t]; lea rbp, [rip+e]; mov eax, [rbx]; syscall; add rbx, 4; cmp rbx, rbp */
	expect_loop("488d1d =t 488d2d =e", "8b03 .s: 0f05 4883c304 4839eb", 40, true);
	/* Until a number from memory is met: cmp rbx, rdi. */
	expect_loop("31db 488b3e", "8b049d $t .s: 0f05 48ffc3 4839fb", 40, false);
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
	struct CMUnitTest tests[COUNT(CONSTANTS) + COUNT(PATHS) + COUNT(BRANCHES) +
	                        COUNT(TABLES) + COUNT(RETURNS) + COUNT(COPIES) +
	                        COUNT(STACK) + 2];
	size_t count = add_tests(tests, CONSTANTS, COUNT(CONSTANTS));
	count += add_tests(tests + count, PATHS, COUNT(PATHS));
	count += add_tests(tests + count, BRANCHES, COUNT(BRANCHES));
	count += add_tests(tests + count, TABLES, COUNT(TABLES));
	count += add_tests(tests + count, COPIES, COUNT(COPIES));
	count += add_tests(tests + count, RETURNS, COUNT(RETURNS));
	count += add_tests(tests + count, STACK, COUNT(STACK));
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(bounds_numbers);
	tests[count] = (struct CMUnitTest)cmocka_unit_test(counts_to_the_end);
	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
