// The published rules for AppSync's JavaScript, those that need types included: what AppSync does not run is refused here
// instead of at the deploy, where it takes the whole stack back.
import appsync from '@aws-appsync/eslint-plugin';
import parser from '@typescript-eslint/parser';

export default [
  {
    files: ['**/*.js'],
    languageOptions: { parser, parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
  },
  appsync.configs.recommended,
];
